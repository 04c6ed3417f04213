"""Which wire version an event is made in, and which one who gets it wants."""

from msgspec.structs import replace
from msgspec.structs import replace as changed

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.queries import DeliveryQuery, Page
from cstar_cli.cloud.store.records import Traits
from cstar_cli.cloud.store.webhooks import NewWebhook, WebhookChange
from cstar_cli.events.filters import EventFilter

from .making import (
    SECRET,
    T0_MS,
    TEAM,
    URL,
    WEBHOOK_URL,
    Clock,
    Within,
    claimed,
    claimed_one,
    due_to,
    event,
    outcome,
    session,
    settled,
    webhook,
)

OLD, NEW = "2025-12", "2026-03"
DAY_MS = 86_400_000
ALL = EventFilter.parse(())
OF_NEW = NewWebhook("whk_new", "n", WEBHOOK_URL, ALL, SECRET, wire=NEW)


def test_what_says_nothing_is_of_the_version_before(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        assert (await session(store)).wire == OLD
        assert (await webhook(store)).wire == OLD
        made = event()
        await store.append_event(made)
        claim = await claimed_one(store)
        assert (claim.made_in, claim.wire) == (OLD, OLD)

    within(check)


def test_an_event_keeps_the_version_that_it_was_made_in(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = changed(event(), wire=NEW)
        await store.append_event(made)
        assert await store.event(TEAM, made.id) == made

    within(check)


def test_a_claim_has_the_versions_of_its_event_and_of_its_webhook(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        assert (await store.webhooks.create(TEAM, OF_NEW)).wire == NEW
        await store.append_event(event())
        claim = await claimed_one(store)
        assert (claim.made_in, claim.wire) == (OLD, NEW)

    within(check)


def test_a_webhook_that_is_changed_gets_what_waits_in_its_new_version(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = await webhook(store)
        await store.append_event(changed(event(), wire=NEW))
        there = await store.webhooks.change(TEAM, made.id, WebhookChange(wire=NEW))
        assert there
        assert there.wire == NEW
        assert await store.webhooks.get(TEAM, made.id) == there
        renamed = await store.webhooks.change(TEAM, made.id, WebhookChange(name="other"))
        assert renamed == replace(there, name="other")
        claim = await claimed_one(store)
        assert (claim.made_in, claim.wire) == (NEW, NEW)

    within(check)


def test_a_test_of_one_webhook_is_in_its_version(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await store.webhooks.create(TEAM, replace(OF_NEW, is_active=False))
        await store.append_event(event(), only=OF_NEW.id)
        assert (await claimed_one(store)).wire == NEW

    within(check)


def test_a_session_has_its_version_until_it_is_resumed_with_another(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await store.open_session(TEAM, ALL, URL, Traits(wire=NEW))
        [listed] = await store.sessions(TEAM, None, Page())
        assert (opened.wire, listed.wire) == (NEW, NEW)
        resumed = await store.resume_session(opened.id, TEAM, ALL, URL)
        assert resumed
        assert resumed.wire == OLD

    within(check)


def test_a_sessions_deliveries_say_what_they_were_made_in_also_when_they_come_again(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        await store.append_event(changed(event(), wire=NEW))
        [due] = await due_to(store, to)
        assert due.made_in == NEW
        await store.settle(to, [outcome(due, 500)], {due.id: [0]})
        await store.append_event(event(at_ms=T0_MS + 1))
        assert [(one.attempt, one.made_in) for one in await due_to(store, to)] == [(2, NEW), (1, OLD)]

    within(check)


def test_a_session_brings_what_came_before_it_as_it_was_made(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await store.append_event(changed(event(), wire=NEW))
        behind = await store.open_session(TEAM, ALL, URL, Traits(since_ms=0, wire=NEW))
        there = await store.catch_up(behind, 0, lambda: True)
        [due] = await due_to(store, there)
        assert (there.wire, due.made_in) == (NEW, NEW)

    within(check)


def test_a_wait_is_capped_only_where_the_version_that_is_wanted_has_no_longer_one(
    within: Within[None], clock: Clock
) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        await store.webhooks.create(TEAM, OF_NEW)
        sessions = [await session(store), await store.open_session(TEAM, ALL, URL, Traits(wire=NEW))]
        made = event()
        await store.append_event(made)
        for claim in (await claimed(store)).claims:
            await settled(store, claim, 500, retry_in_ms=DAY_MS)
        for to in sessions:
            [due] = await due_to(store, to)
            await store.settle(to, [outcome(due, 500)], {due.id: [DAY_MS]})
        await store.queue.cap_waits(1000, OLD)
        found = await store.deliveries(TEAM, DeliveryQuery(event_id=made.id), Page())
        waits_ms = {one.target: (one.next_attempt_at_ms or 0) - clock.now_ms for one in found}
        assert {waits_ms[OF_NEW.id], waits_ms[sessions[1].id]} == {DAY_MS}
        assert sorted(waits_ms.values()) == [1000, 1000, DAY_MS, DAY_MS]

    within(check)
