"""An event that people send again: to one target, or to all that match now."""

import pytest

from cstar_cli.cloud.store.interface import Conflict, Store
from cstar_cli.cloud.store.wakeups import WEBHOOKS

from .making import (
    TEAM,
    Clock,
    Within,
    claimed_one,
    delivered,
    due_ids,
    due_to,
    event,
    ids,
    now,
    posted,
    session,
    webhook,
)


def test_an_event_is_sent_again_to_all_that_match_now(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        made = event()
        await store.append_event(made)
        hook, to = await webhook(store, "ticket.*"), await session(store)
        await webhook(store, "boss.*")
        await clock.advance(5000)
        deliveries = await store.queue.resend(TEAM, made.id, None)
        assert deliveries is not None
        assert sorted(delivery.target for delivery in deliveries) == sorted([hook.id, to.id])
        assert {delivery.created_at_ms for delivery in deliveries} == {clock.now_ms}
        assert {delivery.next_attempt_at_ms for delivery in deliveries} == {clock.now_ms}
        claim = await claimed_one(store)
        assert (claim.event_id, claim.body, claim.attempt, claim.retries) == (made.id, made.body, 1, 0)
        [due] = await due_to(store, to, (), 10, 2**20)
        assert (due.event_id, due.body) == (made.id, made.body)

    within(check)


def test_a_resend_is_a_delivery_of_its_own(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        first = await delivered(store)
        await posted(store)
        resent = await store.queue.resend(TEAM, first.event_id, to.id)
        assert resent
        assert ids(resent) != [first.id]
        assert (await now(store, first)).status == "succeeded"
        assert (await now(store, resent[0])).status == "pending"

    within(check)


def test_a_resend_to_one_target_goes_there_whatever_it_wants(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = event("ticket.created")
        hook, to = await webhook(store, "boss.*"), await session(store, "boss.*")
        await store.append_event(made)
        for target in (hook.id, to.id):
            deliveries = await store.queue.resend(TEAM, made.id, target)
            assert deliveries
            assert [delivery.target for delivery in deliveries] == [target]

    within(check)


def test_whom_a_resend_concerns_is_woken(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = event()
        await store.append_event(made)
        await webhook(store)
        to = await session(store)
        wakes = [store.wakeups.join(topic) for topic in (WEBHOOKS, to.id)]
        for wake in wakes:
            wake.clear()
        await store.queue.resend(TEAM, made.id, None)
        assert all(wake.is_set() for wake in wakes)

    within(check)


def test_what_was_resent_to_a_session_comes_after_what_is_there(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        old = event()
        await store.append_event(old)
        to = await session(store)
        first = await delivered(store)
        resent = await store.queue.resend(TEAM, old.id, to.id)
        last = await delivered(store)
        assert resent
        assert await due_ids(store, to) == [first.id, resent[0].id, last.id]

    within(check)


def test_an_unknown_event_can_not_be_sent_again(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        foreign = event(team_id="team-2")
        await store.append_event(foreign)
        assert await store.queue.resend(TEAM, "evt_none", None) is None
        assert await store.queue.resend(TEAM, foreign.id, None) is None

    within(check)


def test_a_resend_to_what_can_get_nothing_says_what_to_do(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = event()
        await store.append_event(made)
        disabled, foreign = await webhook(store, is_active=False), await webhook(store, team_id="team-2")
        ended = await session(store)
        await store.end_session(ended, "over")
        for target, answer in (
            (disabled.id, f"enable it first with cstar webhooks enable {disabled.id}"),
            (foreign.id, "none of this team's webhooks"),
            ("whk_none", "none of this team's webhooks"),
            (ended.id, "none of this team's open sessions"),
        ):
            with pytest.raises(Conflict, match=answer):
                await store.queue.resend(TEAM, made.id, target)

    within(check)
