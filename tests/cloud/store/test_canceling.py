"""A delivery that people cancel; an attempt that is under way is still recorded."""

import pytest

from cstar_cli.cloud.store.interface import Conflict, Store
from cstar_cli.cloud.store.wakeups import attempts_of
from cstar_cli.cloud.store.webhooks import Claimed

from .making import (
    MINUTE_MS,
    TEAM,
    Clock,
    Within,
    claimed,
    claimed_one,
    delivered,
    due_ids,
    logged,
    now,
    outcome,
    posted,
    session,
    settled,
    webhook,
)


def test_a_delivery_that_waits_is_canceled_with_the_reason_in_the_log(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        await posted(store, 500, retry_in_ms=MINUTE_MS)
        await clock.advance(1000)
        wake = store.wakeups.join(attempts_of(TEAM))
        wake.clear()
        canceled = await store.queue.cancel(TEAM, delivery.id, "not wanted any more")
        assert canceled == await now(store, delivery)
        assert (canceled.status, canceled.attempt_count, canceled.next_attempt_at_ms) == ("canceled", 2, None)
        assert wake.is_set()
        assert await claimed(store) == Claimed([], None)
        last = (await store.exchanges_of(delivery.id))[-1]
        assert (last.attempt.outcome, last.attempt.error) == ("canceled", "not wanted any more")
        assert (last.error_class, last.attempt.started_at_ms) == ("canceled", clock.now_ms)

    within(check)


@pytest.mark.parametrize(("status", "becomes"), [(200, "succeeded"), (500, "canceled")])
def test_a_post_that_is_under_way_is_recorded_and_not_tried_again(
    within: Within[None], status: int, becomes: str
) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        claim = await claimed_one(store)
        canceled = await store.queue.cancel(TEAM, delivery.id, "not wanted")
        assert canceled
        assert (canceled.status, canceled.attempt_count) == ("canceled", 0)
        assert list(await store.exchanges_of(delivery.id)) == []
        with pytest.raises(Conflict, match="under way"):
            await store.queue.retry(TEAM, delivery.id)
        assert await settled(store, claim, status, retry_in_ms=MINUTE_MS) == [delivery.id]
        after = await now(store, delivery)
        assert (after.status, after.attempt_count, after.next_attempt_at_ms) == (becomes, 1, None)
        [exchange] = await store.exchanges_of(delivery.id)
        assert (exchange.attempt.status, exchange.attempt.next_attempt_at_ms) == (status, None)
        assert (await claimed(store)).wait_ms is None

    within(check)


def test_what_was_canceled_under_way_and_given_back_stays_canceled(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        claim = await claimed_one(store)
        await store.queue.cancel(TEAM, delivery.id, "not wanted")
        await store.queue.release({claim.delivery_id: claim.lease})
        assert (await claimed(store)).wait_ms is None
        assert (await now(store, delivery)).status == "canceled"

    within(check)


def test_a_delivery_to_a_session_is_canceled(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await store.queue.cancel(TEAM, delivery.id, "not wanted")
        assert await due_ids(store, to) == []
        assert (await now(store, delivery)).status == "canceled"
        assert list(await store.settle(to, [outcome(delivery)])) == [delivery.id]
        assert [attempt.outcome for attempt in await logged(store)] == ["canceled"]

    within(check)


def test_what_is_over_can_not_be_canceled(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        for status, named in ((200, "succeeded"), (500, "failed")):
            delivery = await delivered(store)
            await posted(store, status)
            with pytest.raises(Conflict, match=f"no longer pending but {named}"):
                await store.queue.cancel(TEAM, delivery.id, "not wanted")
        canceled = await delivered(store)
        await store.queue.cancel(TEAM, canceled.id, "not wanted")
        with pytest.raises(Conflict, match="no longer pending but canceled"):
            await store.queue.cancel(TEAM, canceled.id, "not wanted")

    within(check)


def test_what_is_not_the_teams_can_be_neither_retried_nor_canceled(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store, team_id="team-2")
        delivery = await delivered(store, team_id="team-2")
        for delivery_id in (delivery.id, "dlv_none"):
            assert await store.queue.retry(TEAM, delivery_id) is None
            assert await store.queue.cancel(TEAM, delivery_id, "mine") is None
        assert await now(store, delivery, "team-2") == delivery

    within(check)
