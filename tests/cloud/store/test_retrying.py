"""A delivery that people retry by hand, and all that failed at once."""

import pytest

from cstar_cli.cloud.store.interface import Conflict, Store
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.cloud.store.webhooks import WebhookChange

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
    due_to,
    event,
    now,
    outcome,
    posted,
    session,
    settled,
    settlement,
    webhook,
)


def test_a_failed_delivery_is_due_again_with_a_fresh_schedule(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        await posted(store, 500, retry_in_ms=10)
        await clock.advance(10)
        await posted(store, 500)
        await clock.advance(1000)
        wake = store.wakeups.join(WEBHOOKS)
        wake.clear()
        retried = await store.queue.retry(TEAM, delivery.id)
        assert retried == await now(store, delivery)
        assert (retried.status, retried.attempt_count) == ("pending", 2)
        assert retried.next_attempt_at_ms == clock.now_ms
        assert wake.is_set()
        claim = await claimed_one(store)
        assert (claim.delivery_id, claim.attempt, claim.retries) == (delivery.id, 3, 0)
        await settled(store, claim, 500, retry_in_ms=10)
        await clock.advance(10)
        assert (await claimed_one(store)).retries == 1

    within(check)


def test_a_delivery_that_waits_is_due_now_and_its_schedule_goes_on(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        await posted(store, 500, retry_in_ms=MINUTE_MS)
        retried = await store.queue.retry(TEAM, delivery.id)
        assert retried
        assert (retried.status, retried.next_attempt_at_ms) == ("pending", T0_MS)
        claim = await claimed_one(store)
        assert (claim.attempt, claim.retries) == (2, 1)

    within(check)


def test_a_canceled_delivery_can_be_retried(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        await store.queue.cancel(TEAM, delivery.id, "not wanted")
        await store.queue.retry(TEAM, delivery.id)
        claim = await claimed_one(store)
        assert (claim.delivery_id, claim.attempt, claim.retries) == (delivery.id, 2, 0)
        assert await settled(store, claim) == [delivery.id]

    within(check)


def test_a_failed_delivery_to_an_open_session_goes_there_again(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await store.settle(to, [outcome(delivery, 500)])
        wake = store.wakeups.join(to.id)
        wake.clear()
        retried = await store.queue.retry(TEAM, delivery.id)
        assert retried
        assert retried.status == "pending"
        assert wake.is_set()
        [due] = await due_to(store, to, (), 10, 2**20)
        assert (due.id, due.attempt) == (delivery.id, 2)
        assert list(await store.settle(to, [outcome(delivery, 200, attempt=2)])) == [delivery.id]
        assert (await now(store, delivery)).status == "succeeded"
        assert [one.attempt.attempt for one in await store.exchanges_of(delivery.id)] == [1, 2]

    within(check)


def test_a_late_report_of_the_attempt_before_does_not_settle_a_retry(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await store.settle(to, [outcome(delivery, 500)])
        await store.queue.retry(TEAM, delivery.id)
        await store.settle(to, [outcome(delivery, 500)])
        assert (await now(store, delivery)).status == "pending"

    within(check)


def test_what_is_under_way_can_not_be_retried(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        claim = await claimed_one(store)
        with pytest.raises(Conflict, match="under way"):
            await store.queue.retry(TEAM, delivery.id)
        await clock.advance(LEASE_MS)
        assert await store.queue.retry(TEAM, delivery.id)
        assert await settled(store, claim) == []

    within(check)


def test_a_retry_that_can_not_be_says_what_to_do(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        to_session = await delivered(store)
        await store.end_session(to, "over")
        with pytest.raises(Conflict, match=f"has ended: .* cstar events resend {to_session.event_id} --session ses_"):
            await store.queue.retry(TEAM, to_session.id)
        hook = await webhook(store)
        succeeded = await delivered(store)
        await posted(store)
        with pytest.raises(Conflict, match=f"has succeeded: .* cstar events resend {succeeded.event_id}"):
            await store.queue.retry(TEAM, succeeded.id)
        failed = await delivered(store)
        await posted(store, 500)
        await store.webhooks.change(TEAM, hook.id, WebhookChange(is_active=False, reason="on holiday"))
        with pytest.raises(Conflict, match=rf"is disabled \(on holiday\): .* cstar webhooks enable {hook.id}"):
            await store.queue.retry(TEAM, failed.id)
        await store.webhooks.delete(TEAM, hook.id)
        with pytest.raises(Conflict, match=f"was deleted: .* cstar events resend {failed.event_id} --to whk_"):
            await store.queue.retry(TEAM, failed.id)

    within(check)


def test_all_that_failed_since_then_is_retried(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        made = []
        for second in range(5):
            await clock.move_to(T0_MS + second * 1000)
            [delivery] = await store.append_event(event(at_ms=clock.now_ms))
            made.append(delivery)
            await posted(store, 200 if second == 3 else 500)
        await clock.advance(MINUTE_MS)
        assert await store.queue.recover(TEAM, to.id, T0_MS + 1000) == 3
        assert [(await now(store, one)).status for one in made] == [
            "failed",
            "pending",
            "pending",
            "succeeded",
            "pending",
        ]
        claims = (await claimed(store)).claims
        assert [claim.delivery_id for claim in claims] == [made[1].id, made[2].id, made[4].id]
        assert {(claim.attempt, claim.retries) for claim in claims} == {(2, 0)}
        assert await store.queue.recover(TEAM, to.id, T0_MS + 1000) == 0

    within(check)


def test_a_failed_test_of_the_webhook_is_not_recovered(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        await store.append_event(event(), only=to.id)
        await posted(store, 500)
        assert await store.queue.recover(TEAM, to.id, 0) == 0

    within(check)


def test_a_great_many_are_recovered(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to, other = await webhook(store), await webhook(store)
        for _ in range(1200):
            await store.append_event(event())
        claims = (await claimed(store, per_webhook=1200, limit=2400)).claims
        await store.queue.settle([settlement(claim, 500) for claim in claims], NEVER_MS)
        assert await store.queue.recover(TEAM, to.id, 0) == 1200
        assert {claim.webhook_id for claim in (await claimed(store, per_webhook=1200, limit=2400)).claims} == {to.id}
        assert other.id != to.id

    within(check)


def test_recovering_needs_an_active_webhook_of_the_team(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        disabled, foreign = await webhook(store, is_active=False), await webhook(store, team_id="team-2")
        with pytest.raises(Conflict, match=f"cstar webhooks enable {disabled.id}"):
            await store.queue.recover(TEAM, disabled.id, 0)
        assert await store.queue.recover(TEAM, foreign.id, 0) is None
        assert await store.queue.recover(TEAM, "whk_none", 0) is None

    within(check)
