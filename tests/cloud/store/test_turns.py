"""Webhooks take turns, none delays another, and a claim says when to come again."""

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.webhooks import Claimed

from .making import (
    Clock,
    Within,
    claimed,
    delivered,
    event,
    posted,
    webhook,
)


def ids_of(claimed: Claimed) -> list[str]:
    return [claim.delivery_id for claim in claimed.claims]


def webhooks_of(claimed: Claimed) -> list[str]:
    return [claim.webhook_id for claim in claimed.claims]


def test_no_webhook_gets_more_than_it_has_room_for(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        one, two = await webhook(store), await webhook(store)
        for _ in range(5):
            await store.append_event(event())
        found = webhooks_of(await claimed(store, busy={one.id: 1}, per_webhook=3))
        assert (found.count(one.id), found.count(two.id)) == (2, 3)

    within(check)


def test_a_webhook_without_room_delays_nobody_and_asks_for_no_wait(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        slow, quick = await webhook(store, "ticket.*"), await webhook(store, "boss.*")
        for _ in range(10):
            await delivered(store, "ticket.created")
        waiting = await claimed(store, busy={slow.id: 2}, per_webhook=2)
        assert (list(waiting.claims), waiting.wait_ms) == ([], None)
        await delivered(store, "boss.spawned")
        assert webhooks_of(await claimed(store, busy={slow.id: 2}, per_webhook=2)) == [quick.id]

    within(check)


def test_what_cannot_be_shared_evenly_goes_round(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        everyone = {(await webhook(store)).id for _ in range(3)}
        for _ in range(4):
            await store.append_event(event())
        found = [webhooks_of(await claimed(store, limit=4)) for _ in range(3)]
        assert [set(claim) for claim in found] == [everyone] * 3
        assert {claim.count(one) for one in everyone for claim in found} == {1, 2}
        assert {sum(claim.count(one) for claim in found) for one in everyone} == {4}

    within(check)


def test_a_small_limit_is_shared_by_all_who_wait(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        crowded = await webhook(store, "ticket.*")
        for _ in range(50):
            await delivered(store, "ticket.created")
        others = [await webhook(store, "boss.*") for _ in range(3)]
        await store.append_event(event("boss.spawned"))
        found = webhooks_of(await claimed(store, limit=8))
        assert {other.id for other in others} <= set(found)
        assert found.count(crowded.id) == 5

    within(check)


def test_with_a_limit_of_one_everybody_has_a_turn(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        webhooks = [await webhook(store) for _ in range(4)]
        for _ in range(5):
            await store.append_event(event())
        turns = [webhooks_of(await claimed(store, limit=1))[0] for _ in range(8)]
        assert set(turns[:4]) == set(turns[4:]) == {one.id for one in webhooks}

    within(check)


def test_nothing_pending_asks_for_no_wait(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        assert await claimed(store) == Claimed([], None)

    within(check)


def test_more_that_is_due_asks_for_another_claim_at_once(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        for _ in range(3):
            await delivered(store)
        assert (await claimed(store, limit=2)).wait_ms == 0
        assert (await claimed(store, per_webhook=1)).wait_ms is None

    within(check)


def test_the_wait_is_for_the_first_that_will_be_due(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        for retry_in_ms in (60_000, 10_000):
            await delivered(store)
            await posted(store, 500, retry_in_ms=retry_in_ms)
        assert await claimed(store) == Claimed([], 10_000)
        await clock.advance(9_999)
        assert await claimed(store) == Claimed([], 1)
        await clock.advance(1)
        assert len((await claimed(store)).claims) == 1

    within(check)
