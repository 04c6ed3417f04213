"""Of all claims of a delivery only the last one counts: who is late neither settles nor gives back."""

import asyncio

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.records import AttemptOutcome
from cstar_cli.cloud.store.wakeups import WEBHOOKS, attempts_of
from cstar_cli.cloud.store.webhooks import Settlement

from .making import (
    LEASE_MS,
    MINUTE_MS,
    NEVER_MS,
    T0_MS,
    TEAM,
    Clock,
    Within,
    claimed,
    claimed_one,
    delivered,
    event,
    logged,
    now,
    settled,
    settlement,
    webhook,
)


def test_an_outcome_settled_twice_is_recorded_once(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        for status, retry_in_ms in ((200, None), (500, None), (500, MINUTE_MS)):
            delivery = await delivered(store)
            claim = await claimed_one(store)
            for _ in range(3):
                assert await settled(store, claim, status, retry_in_ms=retry_in_ms) == [delivery.id]
            assert len(await store.exchanges_of(delivery.id)) == 1

    within(check)


def test_a_stale_lease_settles_nothing(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        stale = await claimed_one(store)
        await clock.advance(LEASE_MS)
        current = await claimed_one(store)
        assert await settled(store, stale, 200) == []
        assert (await now(store, delivery)).status == "pending"
        assert await settled(store, current, 500) == [delivery.id]
        assert await settled(store, stale, 200) == []
        assert (await now(store, delivery)).status == "failed"
        assert len(await store.exchanges_of(delivery.id)) == 1

    within(check)


def test_a_lease_that_has_run_out_settles_as_long_as_nobody_else_has_claimed(
    within: Within[None], clock: Clock
) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        claim = await claimed_one(store)
        await clock.advance(LEASE_MS + 1)
        assert await settled(store, claim, 200) == [delivery.id]
        assert (await now(store, delivery)).status == "succeeded"
        assert list((await claimed(store)).claims) == []

    within(check)


def test_unknown_deliveries_and_attempts_are_left_out_and_hinder_nobody(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        claim = await claimed_one(store)
        good = settlement(claim)
        unknown = Settlement(
            AttemptOutcome("dlv_none", 1, True, 200, None, started_at_ms=T0_MS, duration_ms=1.0), 1, None
        )
        later = Settlement(
            AttemptOutcome(delivery.id, 2, True, 200, None, started_at_ms=T0_MS, duration_ms=1.0), claim.lease, None
        )
        assert list(await store.queue.settle([unknown, later, good], NEVER_MS)) == [delivery.id]
        assert len(await logged(store)) == 1
        assert list(await store.queue.settle([], NEVER_MS)) == []

    within(check)


def test_many_settle_at_once(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store), await webhook(store)
        made = [delivery.id for _ in range(60) for delivery in await store.append_event(event())]
        claims = (await claimed(store)).claims
        answers = await asyncio.gather(*(settled(store, claim) for claim in claims))
        assert sorted(id for answer in answers for id in answer) == sorted(made)
        assert sorted(attempt.delivery_id for attempt in await logged(store)) == sorted(made)

    within(check)


def test_who_follows_the_log_is_woken_and_who_posts_when_there_is_a_retry(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        await delivered(store)
        claim = await claimed_one(store)
        log, posting = store.wakeups.join(attempts_of(TEAM)), store.wakeups.join(WEBHOOKS)
        log.clear()
        posting.clear()
        await settled(store, claim, 500, retry_in_ms=MINUTE_MS)
        assert log.is_set()
        assert posting.is_set()

    within(check)


def test_what_is_given_back_is_due_at_once_and_its_lease_over(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        claim = await claimed_one(store)
        await store.queue.release({claim.delivery_id: claim.lease, "dlv_none": 1})
        assert await settled(store, claim) == []
        again = await claimed_one(store)
        assert (again.delivery_id, again.attempt) == (delivery.id, 1)
        await store.queue.release({claim.delivery_id: claim.lease})
        assert list((await claimed(store)).claims) == []
        assert await settled(store, again) == [delivery.id]

    within(check)


def test_what_is_settled_can_not_be_given_back(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        claim = await claimed_one(store)
        await settled(store, claim, 500, retry_in_ms=MINUTE_MS)
        await store.queue.release({claim.delivery_id: claim.lease})
        assert (await claimed(store)).wait_ms == MINUTE_MS
        assert (await now(store, delivery)).next_attempt_at_ms == T0_MS + MINUTE_MS

    within(check)
