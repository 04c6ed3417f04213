"""What is posted to webhooks: all that a post needs, and each leased once."""

import asyncio

import pytest

from cstar_cli.cloud.store.interface import Conflict, Store
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.cloud.store.webhooks import Claimed, WebhookChange
from cstar_cli.events.filters import EventFilter

from .making import (
    LEASE_MS,
    SECRET,
    T0_MS,
    TEAM,
    WEBHOOK_URL,
    Clock,
    Within,
    claimed,
    claimed_one,
    delivered,
    event,
    ids,
    now,
    session,
    settled,
    webhook,
)


def ids_of(claimed: Claimed) -> list[str]:
    return [claim.delivery_id for claim in claimed.claims]


def webhooks_of(claimed: Claimed) -> list[str]:
    return [claim.webhook_id for claim in claimed.claims]


def test_an_event_goes_to_each_session_and_active_webhook_that_matches_once(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        listening, tickets, everything = (
            await session(store),
            await webhook(store, "ticket.*"),
            await webhook(store),
        )
        await webhook(store, "boss.*"), await webhook(store, is_active=False), await webhook(store, team_id="team-2")
        deliveries = await store.append_event(event("ticket.created"))
        assert sorted(delivery.target for delivery in deliveries) == sorted([listening.id, tickets.id, everything.id])
        assert len(set(ids(deliveries))) == 3

    within(check)


def test_a_delivery_to_a_webhook_begins_pending_and_due_at_once(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        [delivery] = await store.append_event(event())
        assert (delivery.target, delivery.url) == (to.id, WEBHOOK_URL)
        assert (delivery.status, delivery.attempt_count, delivery.next_attempt_at_ms) == ("pending", 0, T0_MS)
        assert await store.delivery(TEAM, delivery.id) == delivery

    within(check)


def test_who_posts_to_webhooks_is_woken_when_there_is_something_for_one(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store, "ticket.*"), await session(store)
        wake = store.wakeups.join(WEBHOOKS)
        wake.clear()
        await store.append_event(event("boss.spawned"))
        assert not wake.is_set()
        await store.append_event(event("ticket.created"))
        assert wake.is_set()

    within(check)


def test_a_test_goes_to_one_webhook_alone_whatever_it_wants_and_once(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await webhook(store), await session(store)
        to = await webhook(store, "boss.*", is_active=False)
        [delivery] = await store.append_event(event("ticket.created"), only=to.id)
        assert delivery.target == to.id
        claim = await claimed_one(store)
        assert (claim.delivery_id, claim.retries) == (delivery.id, None)
        await settled(store, claim, 500, retry_in_ms=1000)
        assert (await now(store, delivery)).status == "failed"
        assert (await claimed(store)).wait_ms is None

    within(check)


@pytest.mark.parametrize("team_id", [None, "team-2"])
def test_a_test_to_what_is_no_webhook_of_the_team_is_refused(within: Within[None], team_id: str | None) -> None:
    async def check(store: Store) -> None:
        target = (await webhook(store, team_id=team_id)).id if team_id else "whk_none"
        made = event()
        with pytest.raises(Conflict, match="none of this team's webhooks"):
            await store.append_event(made, only=target)
        assert await store.event(TEAM, made.id) is None

    within(check)


def test_a_claim_carries_all_that_a_post_needs(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        made = event(body=b'{"n":1}')
        [delivery] = await store.append_event(made)
        claim = await claimed_one(store)
        assert (claim.delivery_id, claim.team_id, claim.event_id) == (delivery.id, TEAM, made.id)
        assert (claim.event_type, claim.webhook_id, claim.url) == ("ticket.created", to.id, WEBHOOK_URL)
        assert (claim.attempt, claim.retries, claim.body, claim.secrets) == (1, 0, b'{"n":1}', (SECRET,))

    within(check)


def test_while_two_secrets_are_valid_the_old_one_comes_first(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        await store.webhooks.rotate(TEAM, to.id, "whsec_second", 1000)
        await delivered(store)
        assert (await claimed_one(store)).secrets == (SECRET, "whsec_second")
        await clock.advance(1000)
        await delivered(store)
        assert (await claimed_one(store)).secrets == ("whsec_second",)

    within(check)


def test_a_claim_goes_to_the_url_of_now_and_the_log_says_so(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        delivery = await delivered(store)
        await store.webhooks.change(TEAM, to.id, WebhookChange(url="https://example.org/new"))
        claim = await claimed_one(store)
        await settled(store, claim)
        [exchange] = await store.exchanges_of(delivery.id)
        assert (claim.url, exchange.attempt.url) == ("https://example.org/new",) * 2
        assert (await now(store, delivery)).url == "https://example.org/new"

    within(check)


def test_a_filter_that_has_changed_holds_back_nothing_that_was_made_before(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        delivery = await delivered(store)
        await store.webhooks.change(TEAM, to.id, WebhookChange(filter=EventFilter.parse(["boss.*"])))
        assert ids_of(await claimed(store)) == [delivery.id]

    within(check)


def test_what_is_claimed_is_not_claimed_again_while_its_lease_lasts(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        first = await claimed_one(store)
        await clock.advance(LEASE_MS - 1)
        assert await claimed(store) == Claimed([], 1)
        await clock.advance(1)
        second = await claimed_one(store)
        assert second.delivery_id == delivery.id
        assert second.attempt == first.attempt
        assert second.lease > first.lease

    within(check)


def test_claims_at_once_share_nothing(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store), await webhook(store)
        made = [delivery.id for _ in range(50) for delivery in await store.append_event(event())]
        found = await asyncio.gather(*(claimed(store, limit=15) for _ in range(20)))
        claims = [id for one in found for id in ids_of(one)]
        assert len(claims) == len(set(claims))
        claims += ids_of(await claimed(store))
        assert sorted(claims) == sorted(made)

    within(check)


def test_the_oldest_goes_first(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        made = []
        for _ in range(5):
            made.append((await delivered(store)).id)
            await clock.advance(10)
        assert ids_of(await claimed(store, limit=3)) == made[:3]
        assert ids_of(await claimed(store)) == made[3:]

    within(check)


def test_no_more_bytes_are_claimed_than_asked_for_and_at_least_one_delivery(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        for size in (40, 50, 20, 1000):
            await store.append_event(event(body=b"x" * size))
        first = await claimed(store, most_bytes=100)
        assert [len(claim.body) for claim in first.claims] == [40, 50]
        assert first.wait_ms == 0
        assert [len(claim.body) for claim in (await claimed(store, most_bytes=100)).claims] == [20]
        assert [len(claim.body) for claim in (await claimed(store, most_bytes=100)).claims] == [1000]

    within(check)
