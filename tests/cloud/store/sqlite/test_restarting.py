"""Whoever takes the file knows that nobody else is alive: no lease and no connection of before counts."""

import asyncio
from pathlib import Path

from cstar_cli.cloud.store.sqlite.driver import SqliteStore

from ..making import LEASE_MS, TEAM, Clock, claimed, claimed_one, delivered, now, posted, session, settled, webhook


def test_what_was_leased_is_due_at_once_and_the_old_lease_settles_nothing(path: Path, clock: Clock) -> None:
    async def check() -> None:
        store = SqliteStore.open(path, clock)
        await webhook(store)
        delivery = await delivered(store)
        stale = await claimed_one(store)
        await store.close()
        store = SqliteStore.open(path, clock)
        assert await settled(store, stale) == []
        claim = await claimed_one(store)
        assert (claim.delivery_id, claim.attempt) == (delivery.id, 1)
        assert claim.lease > stale.lease
        await store.close()

    asyncio.run(check())


def test_what_waits_for_its_retry_goes_on_waiting(path: Path, clock: Clock) -> None:
    async def check() -> None:
        store = SqliteStore.open(path, clock)
        await webhook(store)
        await delivered(store)
        await posted(store, 500, retry_in_ms=2 * LEASE_MS)
        await store.close()
        store = SqliteStore.open(path, clock)
        assert (await claimed(store)).wait_ms == 2 * LEASE_MS
        await store.close()

    asyncio.run(check())


def test_what_was_canceled_under_way_stays_canceled(path: Path, clock: Clock) -> None:
    async def check() -> None:
        store = SqliteStore.open(path, clock)
        await webhook(store)
        delivery = await delivered(store)
        await claimed_one(store)
        await store.queue.cancel(TEAM, delivery.id, "not wanted")
        await store.close()
        store = SqliteStore.open(path, clock)
        assert (await claimed(store)).wait_ms is None
        assert (await now(store, delivery)).status == "canceled"
        assert await store.queue.retry(TEAM, delivery.id)
        await store.close()

    asyncio.run(check())


def test_every_open_session_is_away_from_now_on(path: Path, clock: Clock) -> None:
    async def check() -> None:
        store = SqliteStore.open(path, clock)
        left, _ = await session(store), await session(store)
        await store.leave_session(left)
        await store.close()
        await clock.advance(10**9)
        store = SqliteStore.open(path, clock)
        assert await store.end_lost_sessions(1000, "away") == 0
        await clock.advance(1000)
        assert await store.end_lost_sessions(1000, "away") == 2
        await store.close()

    asyncio.run(check())


def test_a_request_that_was_being_answered_is_free_to_be_done_again(path: Path, clock: Clock) -> None:
    async def check() -> None:
        store = SqliteStore.open(path, clock)
        await store.accounts.begin(TEAM, "key", "print", "seed", LEASE_MS)
        await store.close()
        store = SqliteStore.open(path, clock)
        begun = await store.accounts.begin(TEAM, "key", "print", "another", LEASE_MS)
        assert (begun.mine, begun.seed) == (True, "seed")
        await store.close()

    asyncio.run(check())
