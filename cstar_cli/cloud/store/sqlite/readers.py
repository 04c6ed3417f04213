"""Threads that answer questions, each on a connection of its own that can't change anything."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.cloud.store.sqlite.connection import open_reader

P = ParamSpec("P")
T = TypeVar("T")


class Readers:
    """So many questions at a time; further ones wait for their turn."""

    def __init__(self, path: Path, threads: int, name: str) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._of_thread = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False

    async def ask(
        self, question: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return the answer. Raises StoreUnavailable when there can be none."""

        def in_thread() -> T:
            return question(self._connection(), *args, **kwargs)

        if self._closed:
            raise StoreUnavailable("The store is closed.")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, in_thread)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"The database can't be read: {error}.") from error

    async def close(self) -> None:
        """Answer what has been asked, then close the connections."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        for connection in self._connections:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._of_thread.connection = open_reader(self._path)
            self._connections.append(connection)
        return connection
