"""Deliveries to a webhook that is deleted or disabled end at once, and the log says why."""

import pytest

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.wakeups import attempts_of
from cstar_cli.cloud.store.webhooks import Webhook, WebhookChange

from .making import (
    LEASE_MS,
    MINUTE_MS,
    TEAM,
    Clock,
    Within,
    claimed,
    claimed_one,
    delivered,
    event,
    logged,
    now,
    posted,
    settled,
    webhook,
)


async def stop(store: Store, to: Webhook, how: str) -> str:
    """Delete or disable it; return what the log is to say."""
    match how:
        case "deleted":
            await store.webhooks.delete(TEAM, to.id)
            return "the webhook was deleted"
        case "disabled":
            await store.webhooks.change(TEAM, to.id, WebhookChange(is_active=False))
            return "the webhook is disabled"
        case _:
            await store.webhooks.change(TEAM, to.id, WebhookChange(is_active=False, reason="on holiday"))
            return "the webhook is disabled: on holiday"


HOW = pytest.mark.parametrize("how", ["deleted", "disabled", "disabled for a reason"])


@HOW
def test_what_waits_for_its_retry_ends_at_once(within: Within[None], clock: Clock, how: str) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        delivery = await delivered(store)
        await posted(store, 500, retry_in_ms=MINUTE_MS)
        reason = await stop(store, to, how)
        await clock.advance(1000)
        wake = store.wakeups.join(attempts_of(TEAM))
        wake.clear()
        assert list((await claimed(store)).claims) == []
        assert wake.is_set()
        after = await now(store, delivery)
        assert (after.status, after.attempt_count, after.next_attempt_at_ms) == ("failed", 2, None)
        last = (await store.exchanges_of(delivery.id))[-1]
        assert (last.attempt.attempt, last.attempt.outcome, last.attempt.error) == (2, "failed", reason)
        assert (last.attempt.status, last.error_class, last.attempt.started_at_ms) == (None, "stopped", clock.now_ms)
        assert [attempt.attempt for attempt in await logged(store)] == [1, 2]

    within(check)


@HOW
def test_what_is_due_ends_without_a_post(within: Within[None], how: str) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        delivery = await delivered(store)
        await stop(store, to, how)
        assert list((await claimed(store)).claims) == []
        assert (await now(store, delivery)).status == "failed"

    within(check)


@HOW
def test_a_post_that_is_under_way_is_still_recorded_and_not_tried_again(within: Within[None], how: str) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        first, second = await delivered(store), await delivered(store)
        claims = (await claimed(store)).claims
        await stop(store, to, how)
        await claimed(store)
        assert [(await now(store, one)).status for one in (first, second)] == ["pending", "pending"]
        await settled(store, claims[0], 500, retry_in_ms=MINUTE_MS)
        await settled(store, claims[1], 200)
        assert list((await claimed(store)).claims) == []
        assert [(await now(store, one)).status for one in (first, second)] == ["failed", "succeeded"]
        assert (await store.exchanges_of(first.id))[0].attempt.status == 500

    within(check)


@HOW
def test_a_post_that_nobody_settles_ends_with_its_lease(within: Within[None], clock: Clock, how: str) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        delivery = await delivered(store)
        await claimed_one(store)
        await stop(store, to, how)
        assert (await claimed(store)).wait_ms == LEASE_MS
        await clock.advance(LEASE_MS)
        assert (await claimed(store)).wait_ms is None
        assert (await now(store, delivery)).status == "failed"

    within(check)


def test_a_great_many_end_over_several_claims_that_follow_at_once(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        gone, other = await webhook(store, "ticket.*"), await webhook(store, "boss.*")
        for _ in range(1200):
            await store.append_event(event("ticket.created"))
        await store.append_event(event("boss.spawned"))
        await store.webhooks.delete(TEAM, gone.id)
        first = await claimed(store)
        assert [claim.webhook_id for claim in first.claims] == [other.id]
        assert first.wait_ms == 0
        claims = 1
        while (await claimed(store)).wait_ms == 0:
            claims += 1
        assert claims < 10
        assert len(await logged(store)) == 1200

    within(check)


def test_enabled_again_before_anyone_looked_it_loses_nothing(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        delivery = await delivered(store)
        for is_active in (False, True):
            await store.webhooks.change(TEAM, to.id, WebhookChange(is_active=is_active))
        assert (await claimed_one(store)).delivery_id == delivery.id

    within(check)


def test_a_test_goes_to_a_disabled_webhook_and_ends_with_a_deleted_one(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store, is_active=False)
        [delivery] = await store.append_event(event(), only=to.id)
        await delivered_to_nobody(store)
        assert (await claimed_one(store)).delivery_id == delivery.id
        [other] = await store.append_event(event(), only=to.id)
        await store.webhooks.delete(TEAM, to.id)
        assert list((await claimed(store)).claims) == []
        assert (await now(store, other)).status == "failed"

    async def delivered_to_nobody(store: Store) -> None:
        assert list(await store.append_event(event())) == []

    within(check)
