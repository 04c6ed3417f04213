"""Registered URLs: made, changed, given new secrets, removed; each team has its own."""

import asyncio

import pytest

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.queries import Page
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.cloud.store.webhooks import NewWebhook, Webhook, WebhookChange
from cstar_cli.events.envelope import new_id
from cstar_cli.events.filters import EventFilter

from .making import SECRET, T0_MS, TEAM, WEBHOOK_URL, Clock, OpenStore, Within, claimed, event, found, webhook

HOUR_MS = 3_600_000


def test_a_webhook_is_kept_as_it_was_registered(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        filter = EventFilter.parse(["ticket.*", "!ticket.closed"])
        made = await store.webhooks.create(TEAM, NewWebhook("whk_1", "Support", WEBHOOK_URL, filter, SECRET))
        assert made == Webhook("whk_1", TEAM, "Support", WEBHOOK_URL, filter, SECRET, True, T0_MS, T0_MS)
        assert await store.webhooks.get(TEAM, "whk_1") == made

    within(check)


def test_a_webhook_is_registered_once(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        new = NewWebhook("whk_1", "first", WEBHOOK_URL, EventFilter.parse([]), SECRET)
        made = await store.webhooks.create(TEAM, new)
        await clock.advance(1000)
        assert await store.webhooks.create(TEAM, new) == made
        assert list(await store.webhooks.list(TEAM, Page())) == [made]

    within(check)


def test_a_webhook_may_begin_disabled(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        assert not (await found(store, await webhook(store, is_active=False))).is_active
        assert list(await store.append_event(event())) == []

    within(check)


def test_webhooks_come_newest_first_in_pages_with_one_more_where_another_follows(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        newest_first = [await webhook(store) for _ in range(5)][::-1]
        await webhook(store, team_id="team-2")
        pages = [list(await store.webhooks.list(TEAM, Page(number, size=2))) for number in (1, 2, 3, 4)]
        assert pages == [newest_first[:3], newest_first[2:], newest_first[4:], []]

    within(check)


def test_another_teams_webhook_does_not_exist(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = await webhook(store, team_id="team-2")
        assert await store.webhooks.get(TEAM, made.id) is None
        assert await store.webhooks.change(TEAM, made.id, WebhookChange(name="mine")) is None
        assert await store.webhooks.rotate(TEAM, made.id, "whsec_mine", 0) is None
        assert not await store.webhooks.delete(TEAM, made.id)
        assert await found(store, made) == made

    within(check)


@pytest.mark.parametrize(
    ("change", "name", "url", "patterns"),
    [
        (WebhookChange(), "a webhook", WEBHOOK_URL, ("*",)),
        (WebhookChange(name="other"), "other", WEBHOOK_URL, ("*",)),
        (WebhookChange(url="https://example.org/"), "a webhook", "https://example.org/", ("*",)),
        (WebhookChange(filter=EventFilter.parse(["boss.*"])), "a webhook", WEBHOOK_URL, ("boss.*",)),
    ],
)
def test_a_change_leaves_the_rest_as_it_is(
    within: Within[None], clock: Clock, change: WebhookChange, name: str, url: str, patterns: tuple[str, ...]
) -> None:
    async def check(store: Store) -> None:
        made = await webhook(store)
        await clock.advance(1000)
        changed = await store.webhooks.change(TEAM, made.id, change)
        assert changed
        assert (changed.name, changed.url, changed.filter.patterns) == (name, url, patterns)
        assert (changed.secret, changed.is_active) == (SECRET, True)
        assert (changed.created_at_ms, changed.updated_at_ms) == (T0_MS, T0_MS + 1000)
        assert await found(store, made) == changed

    within(check)


def test_a_disabled_webhook_says_why_until_it_is_enabled(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = await webhook(store)
        disabled = await store.webhooks.change(TEAM, made.id, WebhookChange(is_active=False, reason="on holiday"))
        assert disabled
        assert (disabled.is_active, disabled.disabled_reason) == (False, "on holiday")
        enabled = await store.webhooks.change(TEAM, made.id, WebhookChange(is_active=True))
        assert enabled
        assert (enabled.is_active, enabled.disabled_reason) == (True, None)
        assert await found(store, made) == enabled

    within(check)


def test_disabling_it_again_does_not_forget_why_it_was_disabled(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = await webhook(store)
        await store.webhooks.change(TEAM, made.id, WebhookChange(is_active=False, reason="on holiday"))
        await store.webhooks.change(TEAM, made.id, WebhookChange(is_active=False))
        assert (await found(store, made)).disabled_reason == "on holiday"

    within(check)


def test_a_rotated_secret_is_valid_beside_the_new_one_until_the_overlap_is_over(
    within: Within[None], clock: Clock
) -> None:
    async def check(store: Store) -> None:
        made = await webhook(store)
        rotated = await store.webhooks.rotate(TEAM, made.id, "whsec_second", HOUR_MS)
        assert rotated
        assert (rotated.secret, rotated.previous_secret) == ("whsec_second", SECRET)
        assert rotated.previous_secret_until_ms == T0_MS + HOUR_MS
        await clock.advance(HOUR_MS - 1)
        assert (await found(store, made)).previous_secret == SECRET
        await clock.advance(1)
        over = await found(store, made)
        assert (over.secret, over.previous_secret, over.previous_secret_until_ms) == ("whsec_second", None, None)

    within(check)


def test_without_overlap_the_secret_is_gone_at_once(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = await webhook(store)
        rotated = await store.webhooks.rotate(TEAM, made.id, "whsec_second", 0)
        assert rotated
        assert (rotated.secret, rotated.previous_secret, rotated.previous_secret_until_ms) == (
            "whsec_second",
            None,
            None,
        )

    within(check)


def test_a_second_rotation_keeps_the_secret_before_it(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = await webhook(store)
        await store.webhooks.rotate(TEAM, made.id, "whsec_second", HOUR_MS)
        await store.webhooks.rotate(TEAM, made.id, "whsec_third", HOUR_MS)
        rotated = await found(store, made)
        assert (rotated.secret, rotated.previous_secret) == ("whsec_third", "whsec_second")

    within(check)


def test_a_deleted_webhook_is_gone_and_gets_nothing(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = await webhook(store)
        assert await store.webhooks.delete(TEAM, made.id)
        assert not await store.webhooks.delete(TEAM, made.id)
        assert await store.webhooks.get(TEAM, made.id) is None
        assert await store.webhooks.change(TEAM, made.id, WebhookChange(is_active=True)) is None
        assert list(await store.append_event(event())) == []
        assert list((await claimed(store)).claims) == []

    within(check)


def test_whatever_may_stop_or_start_deliveries_wakes_who_posts_them(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = await webhook(store)
        wake = store.wakeups.join(WEBHOOKS)
        for active in (False, True):
            wake.clear()
            await store.webhooks.change(TEAM, made.id, WebhookChange(is_active=active))
            assert wake.is_set()
        wake.clear()
        await store.webhooks.delete(TEAM, made.id)
        assert wake.is_set()

    within(check)


def test_webhooks_outlive_a_restart(open_store: OpenStore) -> None:
    async def check() -> None:
        async with open_store() as store:
            made = await webhook(store, "ticket.*")
            rotated = await store.webhooks.rotate(TEAM, made.id, new_id("whsec"), HOUR_MS)
        async with open_store() as store:
            assert await found(store, made) == rotated

    asyncio.run(check())


def test_a_rotation_to_the_secret_it_has_changes_nothing(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = await webhook(store)
        rotated = await store.webhooks.rotate(TEAM, made.id, "whsec_second", HOUR_MS)
        assert await store.webhooks.rotate(TEAM, made.id, "whsec_second", 0) == rotated

    within(check)
