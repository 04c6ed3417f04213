"""A webhook that only fails for too long is disabled, with the reason."""

import pytest

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.cloud.store.webhooks import WebhookChange

from .making import (
    FIVE_DAYS_MS,
    T0_MS,
    TEAM,
    Clock,
    Within,
    claimed,
    claimed_one,
    delivered,
    failed,
    found,
    logged,
    now,
    posted,
    settlement,
    webhook,
)


def test_a_webhook_fails_since_its_first_failure_until_a_success(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        assert (await found(store, to)).failing_since_ms is None
        await clock.advance(1000)
        await failed(store)
        await clock.advance(1000)
        await failed(store)
        assert (await found(store, to)).failing_since_ms == T0_MS + 1000
        await delivered(store)
        await posted(store, 200)
        assert (await found(store, to)).failing_since_ms is None

    within(check)


def test_a_webhook_that_only_fails_for_too_long_is_disabled_with_the_reason(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        await failed(store)
        await clock.advance(FIVE_DAYS_MS - 1)
        await failed(store)
        assert (await found(store, to)).is_active
        await clock.advance(1)
        wake = store.wakeups.join(WEBHOOKS)
        waiting = await delivered(store)
        claim = await claimed_one(store)
        other = await delivered(store)
        wake.clear()
        await store.queue.settle([settlement(claim, 500)], FIVE_DAYS_MS)
        disabled = await found(store, to)
        assert (disabled.is_active, disabled.updated_at_ms) == (False, clock.now_ms)
        assert disabled.disabled_reason == "every attempt since 2025-12-10T14:13:20Z has failed"
        assert wake.is_set()
        assert list((await claimed(store)).claims) == []
        assert [(await now(store, one)).status for one in (waiting, other)] == ["failed", "failed"]
        last = (await logged(store))[-1]
        assert last.error == f"the webhook is disabled: {disabled.disabled_reason}"

    within(check)


def test_a_failure_that_is_tried_again_disables_nothing(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        await failed(store)
        await clock.advance(FIVE_DAYS_MS)
        await delivered(store)
        await store.queue.settle([settlement(await claimed_one(store), 500, retry_in_ms=10)], FIVE_DAYS_MS)
        assert (await found(store, to)).is_active

    within(check)


def test_a_webhook_that_is_enabled_again_begins_anew(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        await failed(store)
        await clock.advance(FIVE_DAYS_MS)
        await failed(store)
        assert not (await found(store, to)).is_active
        await store.webhooks.change(TEAM, to.id, WebhookChange(is_active=True))
        await failed(store)
        enabled = await found(store, to)
        assert (enabled.is_active, enabled.failing_since_ms) == (True, clock.now_ms)

    within(check)


@pytest.mark.parametrize("status", [500, None])
def test_one_dead_webhook_says_nothing_of_another(within: Within[None], clock: Clock, status: int | None) -> None:
    async def check(store: Store) -> None:
        await webhook(store, "ticket.*")
        other = await webhook(store, "boss.*")
        await failed(store)
        await clock.advance(FIVE_DAYS_MS)
        await failed(store)
        assert (await found(store, other)) == other

    within(check)
