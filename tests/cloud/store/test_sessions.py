"""Sessions: opened, resumed in the next epoch, ended; and what is due to them."""

import pytest
from msgspec.structs import replace

from cstar_cli.cloud.store.interface import SessionMoved, Store
from cstar_cli.cloud.store.queries import AttemptQuery, DueQuery
from cstar_cli.cloud.store.records import Backlog, Due
from cstar_cli.events.filters import EventFilter

from .making import (
    EVERYTHING,
    T0_MS,
    TEAM,
    URL,
    Clock,
    Within,
    delivered,
    due_ids,
    due_to,
    event,
    ids,
    outcome,
    session,
)


def test_a_session_begins_in_its_first_epoch(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store, "ticket.*", "!ticket.closed")
        assert opened.id.startswith("ses_")
        assert (opened.team_id, opened.forward_to, opened.epoch) == (TEAM, URL, 1)
        assert opened.filter == EventFilter.parse(["ticket.*", "!ticket.closed"])

    within(check)


def test_a_resumed_session_is_in_its_next_epoch(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        for epoch in (2, 3):
            resumed = await store.resume_session(opened.id, TEAM, EventFilter.parse(["boss.*"]), "http://x/")
            assert resumed
            assert (resumed.id, resumed.epoch, resumed.forward_to) == (opened.id, epoch, "http://x/")
            assert resumed.filter.patterns == ("boss.*",)

    within(check)


def test_an_unknown_session_is_not_resumed(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        assert await store.resume_session("ses_none", TEAM, EVERYTHING, URL) is None

    within(check)


def test_another_teams_session_is_not_resumed(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        assert await store.resume_session(opened.id, "team-2", EVERYTHING, URL) is None
        assert await due_ids(store, opened) == []

    within(check)


def test_an_ended_session_is_not_resumed(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        await store.end_session(opened, "over")
        assert await store.resume_session(opened.id, TEAM, EVERYTHING, URL) is None

    within(check)


def test_ending_a_session_fails_what_it_has_not_answered(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        answered, first, second = await delivered(store), await delivered(store), await delivered(store)
        await store.settle(opened, [outcome(answered)])
        await clock.advance(5000)
        await store.end_session(opened, "the listener stayed away")
        for one in (first, second):
            now = await store.delivery(TEAM, one.id)
            assert now
            assert (now.status, now.attempt_count, now.next_attempt_at_ms) == ("failed", 1, None)
        kept = await store.delivery(TEAM, answered.id)
        assert kept
        assert kept.status == "succeeded"
        assert await store.backlog(opened, ()) == Backlog()

    within(check)


def test_ending_a_session_logs_an_attempt_for_each_in_commit_order(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        deliveries = [await delivered(store) for _ in range(3)]
        await clock.advance(5000)
        await store.end_session(opened, "the listener stayed away")
        attempts, _ = await store.attempts_after(TEAM, AttemptQuery(), "0", 100)
        assert [attempt.delivery_id for attempt in attempts] == ids(deliveries)
        last = attempts[-1]
        assert (last.outcome, last.error, last.status) == ("failed", "the listener stayed away", None)
        assert (last.attempt, last.started_at_ms, last.next_attempt_at_ms) == (1, clock.now_ms, None)
        [exchange] = await store.exchanges_of(last.delivery_id)
        assert exchange.error_class == "stopped"

    within(check)


def test_a_session_ends_once(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        await delivered(store)
        await store.end_session(opened, "first")
        await store.end_session(opened, "second")
        attempts, _ = await store.attempts_after(TEAM, AttemptQuery(), "0", 100)
        assert [attempt.error for attempt in attempts] == ["first"]

    within(check)


def test_a_session_that_has_gone_on_is_not_ended_by_its_past(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        delivery = await delivered(store)
        resumed = await store.resume_session(opened.id, TEAM, EVERYTHING, URL)
        assert resumed
        await store.end_session(opened, "too late")
        assert await due_ids(store, resumed) == [delivery.id]

    within(check)


@pytest.mark.parametrize("how", ["resumed", "ended", "unknown"])
def test_a_connection_that_is_not_the_sessions_any_more_is_told_so(within: Within[None], how: str) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        match how:
            case "resumed":
                await store.resume_session(opened.id, TEAM, EVERYTHING, URL)
            case "ended":
                await store.end_session(opened, "over")
            case _:
                opened = replace(opened, id="ses_none")
        with pytest.raises(SessionMoved):
            await due_to(store, opened, (), limit=1, most_bytes=1)

    within(check)


@pytest.mark.parametrize("how", ["resumed", "ended"])
def test_a_connection_is_woken_to_see_that_its_session_has_moved(within: Within[None], how: str) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        wake = store.wakeups.join(opened.id)
        wake.clear()
        if how == "resumed":
            await store.resume_session(opened.id, TEAM, EVERYTHING, URL)
        else:
            await store.end_session(opened, "over")
        assert wake.is_set()

    within(check)


def test_what_is_due_comes_in_commit_order_without_what_is_held(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        deliveries = [await delivered(store) for _ in range(4)]
        assert await due_ids(store, opened) == ids(deliveries)
        held = [deliveries[0].id, deliveries[2].id]
        assert await due_ids(store, opened, without=held) == [deliveries[1].id, deliveries[3].id]
        assert await due_ids(store, opened, without=ids(deliveries)) == []

    within(check)


def test_what_is_due_carries_the_body_and_the_number_of_the_attempt(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        made = event(body=b'{"n":1}')
        [delivery] = await store.append_event(made)
        [due] = await due_to(store, opened, (), limit=1, most_bytes=1)
        assert (due.id, due.event_id) == (delivery.id, made.id)
        assert (due.event_type, due.attempt, due.body) == ("ticket.created", 1, b'{"n":1}')

    within(check)


def test_several_sessions_are_answered_together_each_as_it_asked(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        one, two, idle = await session(store), await session(store), await session(store, "boss.*")
        ended = await session(store, "boss.*")
        await store.end_session(ended, "over")
        made = [await store.append_event(event(body=b"x" * 100)) for _ in range(2)]
        of_one, of_two = ([each.id for pair in made for each in pair if each.target == to.id] for to in (one, two))
        queries = [
            DueQuery(one, of_one[:1], 10, 1000),
            DueQuery(ended, (), 10, 1000),
            DueQuery(idle, (), 10, 1000),
            DueQuery(two, (), 1, 1000),
        ]
        first, moved, nothing, second = await store.due(queries)
        assert isinstance(moved, SessionMoved)
        assert not isinstance(first, Exception)
        assert not isinstance(second, Exception)
        assert (ids(first.deliveries), nothing, ids(second.deliveries)) == (of_one[1:], Due([]), of_two[:1])

    within(check)


def test_no_more_is_due_at_once_than_asked_for(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        deliveries = [await delivered(store) for _ in range(4)]
        assert ids(await due_to(store, opened, (), limit=2, most_bytes=2**30)) == ids(deliveries[:2])

    within(check)


def test_no_more_bytes_are_due_at_once_than_asked_for(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        for size in (40, 50, 20):
            await store.append_event(event(body=b"x" * size))
        assert [len(due.body) for due in await due_to(store, opened, (), limit=10, most_bytes=100)] == [40, 50]

    within(check)


def test_one_is_due_however_large_it_is(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        await store.append_event(event(body=b"x" * 1000))
        await store.append_event(event(body=b"x"))
        assert [len(due.body) for due in await due_to(store, opened, (), limit=10, most_bytes=10)] == [1000]

    within(check)


def test_what_is_settled_is_not_due(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        first, second = await delivered(store), await delivered(store)
        assert (await store.backlog(opened, ())).count == 2
        await store.settle(opened, [outcome(first, 500)])
        assert await due_ids(store, opened) == [second.id]
        assert (await store.backlog(opened, ())).count == 1

    within(check)


def test_what_waits_is_counted_from_the_oldest_event_to_the_newest_without_what_is_held(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        [held], *_ = [await store.append_event(event(at_ms=T0_MS + at)) for at in (0, 1000, 2000, 3000)]
        assert await store.backlog(opened, ()) == Backlog(4, T0_MS, T0_MS + 3000)
        assert await store.backlog(opened, [held.id]) == Backlog(3, T0_MS + 1000, T0_MS + 3000)

    within(check)


def test_an_event_that_is_sent_again_is_the_oldest_that_waits(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        old = event(at_ms=T0_MS - 60_000)
        await store.append_event(old)
        opened = await session(store)
        await store.append_event(event(at_ms=T0_MS))
        await store.queue.resend(TEAM, old.id, opened.id)
        assert await store.backlog(opened, ()) == Backlog(2, T0_MS - 60_000, T0_MS)

    within(check)


def test_another_sessions_deliveries_are_not_due(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        one = await session(store)
        [delivery] = await store.append_event(event())
        other = await session(store)
        assert await due_ids(store, other) == []
        assert await store.backlog(other, ()) == Backlog()
        assert list(await store.still_pending(other, [delivery.id])) == []
        assert await due_ids(store, one) == [delivery.id]

    within(check)


def test_of_named_deliveries_those_without_an_outcome_are_still_pending(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        first, settled, third, _ = [await delivered(store) for _ in range(4)]
        await store.settle(opened, [outcome(settled)])
        wanted = [third.id, settled.id, "dlv_none", first.id]
        assert set(await store.still_pending(opened, wanted)) == {first.id, third.id}

    within(check)


def test_of_no_deliveries_none_is_still_pending(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        await delivered(store)
        assert list(await store.still_pending(opened, [])) == []

    within(check)
