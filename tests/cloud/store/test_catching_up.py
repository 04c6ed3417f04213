"""A session that brings what came before it: which events, in which order, and each once."""

import pytest
from msgspec.structs import replace as changed

from cstar_cli.cloud.store.interface import SessionMoved, Store
from cstar_cli.cloud.store.queries import CAUGHT_UP_AT_ONCE, Page
from cstar_cli.cloud.store.records import Backlog, Session, Traits
from cstar_cli.events.envelope import Event
from cstar_cli.events.filters import EventFilter

from .making import T0_MS, TEAM, URL, Clock, Within, delivered, due_to, event, outcome, session, webhook

HOUR_MS = 3_600_000
SINCE_MS = T0_MS - HOUR_MS


async def behind(store: Store, *patterns: str, origin: str | None = None) -> Session:
    """A session that isn't open yet."""
    traits = Traits(origin=origin, since_ms=SINCE_MS)
    return await store.open_session(TEAM, EventFilter.parse(patterns), URL, traits)


async def caught_up(store: Store, *patterns: str, origin: str | None = None) -> Session:
    return await store.catch_up(await behind(store, *patterns, origin=origin), SINCE_MS, lambda: True)


async def brought(store: Store, to: Session) -> list[str]:
    return [delivery.event_id for delivery in await due_to(store, to)]


async def stored(store: Store, *events: Event) -> list[str]:
    await store.append_events(events)
    return [each.id for each in events]


def test_it_brings_what_was_made_since_then_in_order_and_is_open_afterwards(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await stored(store, event(at_ms=SINCE_MS - 1), event(team_id="team-2"))
        first, second = await stored(store, event(at_ms=SINCE_MS), event(at_ms=SINCE_MS + 2000))
        opened = await caught_up(store)
        assert opened.epoch == 1
        [third] = await stored(store, event())
        assert await brought(store, opened) == [first, second, third]
        assert await store.backlog(opened, ()) == Backlog(3, SINCE_MS, T0_MS)

    within(check)


def test_it_brings_what_it_would_take_now(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        mine, yours = (changed(event("boss.spawned"), origin=origin) for origin in ("mine", "yours"))
        await stored(store, mine, yours, event("ticket.created"))
        assert await brought(store, await caught_up(store, "boss.*", origin="mine")) == [mine.id]

    within(check)


def test_what_it_would_have_brought_is_told_of_where_it_brings_nothing(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        left = await session(store)
        await store.leave_session(left)
        await stored(store, event(at_ms=SINCE_MS - 1), event("boss.spawned"), event(team_id="team-2"))
        await stored(store, event(at_ms=SINCE_MS), event(at_ms=T0_MS - 1000))
        await clock.move_to(T0_MS)
        opened = await store.open_session(TEAM, EventFilter.parse(["ticket.*"]), URL, Traits(listener="me"))
        await stored(store, event(at_ms=T0_MS))
        assert (await store.arrive(opened, HOUR_MS)).unheard == Backlog(2, SINCE_MS, T0_MS - 1000)
        yours = await store.open_session(TEAM, EventFilter.parse(()), URL, Traits(origin="mine"))
        assert (await store.arrive(yours, HOUR_MS)).unheard == Backlog()
        assert await brought(store, opened) != []

    within(check)


def test_what_several_routes_of_a_listener_take_is_told_of_once(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        old = await store.open_session(TEAM, EventFilter.parse(["ticket.created"]), URL, Traits(listener="before"))
        await store.settle(old, [outcome(await delivered(store, "ticket.created"), 200)])
        await store.end_session(old, "over")
        await stored(store, event("ticket.created"), event("ticket.closed"), event("boss.spawned"))
        await clock.advance(1)
        counts = []
        for patterns in (["ticket.*"], ["ticket.closed", "boss.*"], ["*"]):
            opened = await store.open_session(TEAM, EventFilter.parse(patterns), URL, Traits(listener="me"))
            counts.append((await store.arrive(opened, HOUR_MS)).unheard.count)
            await clock.advance(1)
        assert counts == [2, 1, 0]
        other = await store.open_session(TEAM, EventFilter.parse(()), URL, Traits(listener="another"))
        assert (await store.arrive(other, HOUR_MS)).unheard.count == 3

    within(check)


def test_what_a_listener_was_given_is_not_unheard(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        await store.settle(to, [outcome(await delivered(store), 500)])
        await store.end_session(to, "over")
        await clock.advance(1)
        assert (await store.arrive(await session(store), HOUR_MS)).unheard == Backlog()

    within(check)


@pytest.mark.parametrize("status", [200, 500])
def test_what_a_listener_was_given_does_not_come_again(within: Within[None], status: int) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        await store.settle(to, [outcome(await delivered(store), status)])
        await store.end_session(to, "over")
        assert await brought(store, await caught_up(store)) == []

    within(check)


def test_what_waits_for_a_connected_listener_does_not_come(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await session(store)
        await delivered(store)
        assert await brought(store, await caught_up(store)) == []

    within(check)


def test_what_waits_for_a_listener_that_is_away_or_has_ended_comes(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        ended, away = await session(store, "boss.*"), await session(store, "ticket.*")
        of_ended, of_away = await stored(store, event("boss.spawned"), event("ticket.created"))
        await store.end_session(ended, "the listener stayed away")
        await store.leave_session(away)
        assert await brought(store, await caught_up(store)) == [of_ended, of_away]

    within(check)


def test_what_only_a_webhook_got_comes_but_for_its_tests(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        [for_all] = await stored(store, event())
        await store.append_event(event(), only=to.id)
        assert await brought(store, await caught_up(store)) == [for_all]

    within(check)


def test_each_session_of_a_listener_gets_it_and_those_of_another_do_not(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        wanted = await stored(store, event(), event())
        for listener, brings in (("mine", wanted), ("mine", wanted), ("yours", [])):
            traits = Traits(since_ms=SINCE_MS, listener=listener)
            waiting = await store.open_session(TEAM, EventFilter.parse(()), URL, traits)
            assert await brought(store, await store.catch_up(waiting, SINCE_MS, lambda: True)) == brings

    within(check)


def test_what_one_route_has_answered_comes_to_another_that_has_not(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        mine = Traits(listener="mine", since_ms=SINCE_MS)
        urls = ("http://localhost:4000/", "http://localhost:5000/")
        before = [await store.open_session(TEAM, EventFilter.parse(()), url, Traits(listener="mine")) for url in urls]
        deliveries = await store.append_event(made := event())
        await store.settle(before[0], [outcome(one) for one in deliveries if one.target == before[0].id])
        for each in before:
            await store.end_session(each, "the listener stayed away")
        after = [await store.open_session(TEAM, EventFilter.parse(()), url, mine) for url in urls]
        for waiting, brings in zip(after, ([], [made.id]), strict=True):
            assert await brought(store, await store.catch_up(waiting, SINCE_MS, lambda: True)) == brings

    within(check)


def test_what_was_canceled_does_not_come(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        await store.queue.cancel(TEAM, (await delivered(store)).id, "not wanted")
        await store.leave_session(to)
        assert await brought(store, await caught_up(store)) == []

    within(check)


def test_an_event_that_comes_before_it_has_caught_up_comes_once_and_in_its_place(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        old = await stored(store, event())
        waiting = await behind(store)
        assert await store.sessions(TEAM, None, Page()) == []
        [none] = await store.append_events([late := event()])
        assert list(none) == []
        opened = await store.catch_up(waiting, SINCE_MS, lambda: True)
        assert await brought(store, opened) == [*old, late.id]

    within(check)


def test_many_come_in_their_order_while_others_come_too(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        old = [event(at_ms=SINCE_MS - 10) for _ in range(CAUGHT_UP_AT_ONCE + 7)]
        await stored(store, *old)
        wanted = await stored(store, *(event(at_ms=SINCE_MS + n) for n in range(2 * CAUGHT_UP_AT_ONCE + 3)))
        waiting = await behind(store)
        asked: list[str] = []

        def goes_on() -> bool:
            asked.append("")
            return True

        opened = await store.catch_up(waiting, SINCE_MS, goes_on)
        found = await due_to(store, opened, limit=10_000)
        assert [delivery.event_id for delivery in found] == wanted
        assert len(asked) > 3

    within(check)


def test_one_that_is_given_up_ends_as_any_other_and_the_next_gets_it_all(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        wanted = await stored(store, event(), event())
        given_up = await behind(store)
        with pytest.raises(SessionMoved):
            await store.catch_up(given_up, SINCE_MS, lambda: False)
        await clock.advance(121_000)
        assert await store.end_lost_sessions(120_000, "the listener stayed away") == 1
        with pytest.raises(SessionMoved):
            await store.catch_up(given_up, SINCE_MS, lambda: True)
        assert await brought(store, await caught_up(store)) == wanted

    within(check)


@pytest.mark.parametrize("waits", [True, False])
def test_events_are_missed_since_the_first_that_waited_in_vain(within: Within[None], clock: Clock, waits: bool) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        await store.settle(to, [outcome(await delivered(store), 500)])
        await clock.advance(1000)
        if waits:
            await store.append_event(event(at_ms=clock.now_ms))
        await clock.advance(HOUR_MS)
        await store.leave_session(to)
        assert await store.missed_since(to.id, TEAM, 15_000) is None
        await clock.advance(121_000)
        await store.end_lost_sessions(120_000, "the listener stayed away")
        since_ms = T0_MS + 1000 + (0 if waits else HOUR_MS - 15_000)
        assert await store.missed_since(to.id, TEAM, 15_000) == since_ms
        assert await store.missed_since(to.id, "team-2", 15_000) is None

    within(check)


def test_who_said_goodbye_has_missed_nothing(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        await delivered(store)
        await store.end_session(to, "over")
        assert await store.missed_since(to.id, TEAM, 15_000) is None

    within(check)
