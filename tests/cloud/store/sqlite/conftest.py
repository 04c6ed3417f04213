import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cstar_cli.cloud.store.sqlite.driver import SqliteStore

from ..making import Clock
from .databases import migrated
from .processes import StartWriter, Writing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cstar.db"


@pytest.fixture
def opened(path: Path, clock: Clock) -> Callable[[Callable[[SqliteStore], Awaitable[None]]], None]:
    """Runs a coroutine function with an open SQLite store, to the end."""

    def run(body: Callable[[SqliteStore], Awaitable[None]]) -> None:
        async def main() -> None:
            store = SqliteStore.open(migrated(path), clock)
            try:
                await body(store)
            finally:
                await store.close()

        asyncio.run(main())

    return run


@pytest.fixture
def writer(path: Path) -> Iterator[StartWriter]:
    """Starts processes that write to the database until they are ended."""
    with ExitStack() as started:

        def start(*arguments: str) -> Writing:
            script = Path(__file__).with_name("writing.py")
            process = subprocess.Popen(
                [sys.executable, str(script), str(path), *arguments], stdout=subprocess.PIPE, text=True, bufsize=1
            )
            return started.enter_context(Writing(process))

        yield start
