import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.postgres.driver import PostgresStore
from cstar_cli.cloud.store.sqlite.driver import SqliteStore

from .making import Clock, OpenStore
from .postgres.databases import postgres_going_by
from .sqlite.databases import migrated

T = TypeVar("T")


@asynccontextmanager
async def _sqlite(folder: Path, clock: Clock) -> AsyncIterator[Store]:
    store = SqliteStore.open(migrated(folder / "cstar.db"), clock)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _postgres(folder: Path, clock: Clock) -> AsyncIterator[Store]:
    async with postgres_going_by(clock, folder) as url:
        store = await PostgresStore.open(url, poll_s=1.0)
        try:
            yield store
        finally:
            await store.close()


Driver = Callable[[Path, Clock], AbstractAsyncContextManager[Store]]
DRIVERS: dict[str, Driver] = {"sqlite": _sqlite, "postgres": _postgres}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=list(DRIVERS))
def open_store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> OpenStore:
    """Opens the same store each time, with what earlier ones have left in it."""
    return lambda: DRIVERS[request.param](tmp_path, clock)


@pytest.fixture
def within(open_store: OpenStore) -> Callable[[Callable[[Store], Awaitable[T]]], T]:
    """Runs a coroutine function with an open store, to the end."""

    def run(body: Callable[[Store], Awaitable[T]]) -> T:
        async def main() -> T:
            async with open_store() as store:
                return await body(store)

        return asyncio.run(main())

    return run
