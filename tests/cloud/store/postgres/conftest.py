import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from ....postgres import Postgres
from .databases import fresh_database


@pytest.fixture
def url() -> str:
    """A database of the test's own, which goes by its own time."""
    return fresh_database()


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A running server of the test's own, to stop, kill and start again."""
    with Postgres() as postgres:
        yield postgres


Run = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture
def run() -> Run:
    """Runs a coroutine function to the end, which it must reach in half a minute."""

    def run_it(body: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            async with asyncio.timeout(30):
                await body()

        asyncio.run(main())

    return run_it
