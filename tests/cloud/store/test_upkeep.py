"""What keeps a long-lived store in shape: retention, waits that are too long, what can be counted and checked."""

import asyncio

import pytest

from cstar_cli.cloud.store.accounts import StoredAnswer
from cstar_cli.cloud.store.interface import Store, StoreUnavailable
from cstar_cli.cloud.store.queries import AttemptQuery, DeliveryQuery, Page
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.cloud.store.webhooks import QueueStats

from .making import (
    DAY_MS,
    EVERYTHING,
    LEASE_MS,
    MINUTE_MS,
    T0_MS,
    TEAM,
    URL,
    Clock,
    OpenStore,
    Within,
    claimed,
    claimed_one,
    delivered,
    event,
    logged,
    outcome,
    posted,
    session,
    settled,
    webhook,
)


async def event_ids(store: Store) -> list[str]:
    return [one.id for one in await store.events(TEAM, EVERYTHING, Page(size=100))][::-1]


# retention


def test_what_is_old_is_removed_whole_and_the_rest_stays(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to, _ = await session(store), await webhook(store)
        old, young = event(), event(at_ms=T0_MS + DAY_MS)
        for made in (old, young):
            for delivery in await store.append_event(made):
                if delivery.target == to.id:
                    await store.settle(to, [outcome(delivery)])
            await posted(store)
        assert await store.forget(T0_MS + DAY_MS, 100) == 1
        assert await store.event(TEAM, old.id) is None
        assert await event_ids(store) == [young.id]
        assert {one.event_id for one in await store.deliveries(TEAM, DeliveryQuery(), Page())} == {young.id}
        assert [attempt.event_id for attempt in await logged(store)] == [young.id] * 2
        assert await store.forget(T0_MS + DAY_MS, 100) == 0

    within(check)


def test_no_more_is_removed_at_once_than_asked_for_and_the_oldest_first(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = [event(at_ms=T0_MS + number) for number in range(5)]
        for one in made:
            await store.append_event(one)
        removed = []
        while count := await store.forget(T0_MS + DAY_MS, 2):
            removed.append((count, await event_ids(store)))
        assert removed == [(2, [one.id for one in made[2:]]), (2, [made[4].id]), (1, [])]

    within(check)


def test_what_is_pending_stays_however_old_it_is(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await webhook(store)
        waiting = event("boss.spawned")
        await store.append_event(waiting)
        done = event(team_id="team-2")
        await store.append_event(done)
        assert await store.forget(T0_MS + DAY_MS, 100) == 1
        assert await event_ids(store) == [delivery.event_id, waiting.id]
        await store.settle(to, [outcome(delivery)])
        assert await store.forget(T0_MS + DAY_MS, 100) == 1

    within(check)


def test_a_tail_goes_on_over_what_was_removed(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        await store.settle(to, [outcome(await delivered(store))])
        _, cursor = await store.attempts_after(TEAM, AttemptQuery(), "0", 10)
        await store.forget(T0_MS + DAY_MS, 100)
        later = await delivered(store)
        await store.settle(to, [outcome(later)])
        attempts, _ = await store.attempts_after(TEAM, AttemptQuery(), cursor, 10)
        assert [attempt.delivery_id for attempt in attempts] == [later.id]

    within(check)


def test_what_ended_long_ago_goes_and_what_is_open_stays(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        opened, ended = await session(store), await session(store)
        await store.end_session(ended, "over")
        await store.accounts.begin(TEAM, "a-key", "print", "seed", MINUTE_MS)
        await store.accounts.finish(TEAM, "a-key", StoredAnswer(200, b"{}"))
        await store.forget(T0_MS + 1, 100)
        begun = await store.accounts.begin(TEAM, "a-key", "print", "seed", MINUTE_MS)
        assert begun.answer
        await clock.advance(DAY_MS)
        await store.forget(T0_MS + 1, 100)
        assert await store.resume_session(opened.id, TEAM, EVERYTHING, URL)

    within(check)


def test_a_post_that_is_under_way_for_a_removed_event_hurts_nobody(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        claim = await claimed_one(store)
        await store.queue.cancel(TEAM, delivery.id, "not wanted")
        assert await store.forget(T0_MS + DAY_MS, 100) == 1
        await store.queue.release({claim.delivery_id: claim.lease})
        assert (await claimed(store)).wait_ms is None

    within(check)


# waits


def test_a_clock_that_was_set_back_makes_nothing_wait_longer_than_its_longest(
    within: Within[None], clock: Clock
) -> None:
    async def check(store: Store) -> None:
        await webhook(store), await webhook(store)
        await store.append_event(event())
        for claim in (await claimed(store)).claims:
            await settled(store, claim, 500, retry_in_ms=30 * MINUTE_MS)
        await clock.advance(-DAY_MS)
        wake = store.wakeups.join(WEBHOOKS)
        wake.clear()
        await store.queue.cap_waits(32 * MINUTE_MS)
        assert wake.is_set()
        assert (await claimed(store)).wait_ms == 32 * MINUTE_MS
        deliveries = await store.deliveries(TEAM, DeliveryQuery(), Page())
        assert {one.next_attempt_at_ms for one in deliveries} == {clock.now_ms + 32 * MINUTE_MS}

    within(check)


def test_what_waits_no_longer_than_that_is_left_alone(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        await delivered(store)
        await posted(store, 500, retry_in_ms=MINUTE_MS)
        await delivered(store)
        await claimed_one(store)
        await store.queue.cap_waits(32 * MINUTE_MS)
        assert (await claimed(store)).wait_ms == LEASE_MS
        assert (await store.queue.stats()).pending == 2

    within(check)


# counting and checking


def test_the_queue_is_counted(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await session(store)
        assert await store.queue.stats() == QueueStats(0, 0, 0)
        await store.append_event(event())
        await webhook(store)
        await store.append_event(event())
        await posted(store, 500, retry_in_ms=10 * MINUTE_MS)
        await store.append_event(event())
        await clock.advance(7000)
        await store.append_event(event())
        assert await store.queue.stats() == QueueStats(pending=3, due=2, oldest_due_ms=7000)
        await claimed(store)
        assert await store.queue.stats() == QueueStats(pending=3, due=0, oldest_due_ms=0)

    within(check)


def test_a_store_that_works_answers(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        for _ in range(3):
            await store.ping()

    within(check)


def test_a_closed_store_does_not_answer(open_store: OpenStore) -> None:
    async def check() -> None:
        async with open_store() as store:
            await store.ping()
        with pytest.raises(StoreUnavailable, match="closed"):
            await store.ping()

    asyncio.run(check())
