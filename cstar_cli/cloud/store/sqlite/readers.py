"""Threads that answer questions, each on a connection of its own that can't change anything."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, cast

from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.cloud.store.sqlite.connection import open_reader

MOST_TOGETHER = 32

P = ParamSpec("P")
T = TypeVar("T")


class _Asked:
    """A question of many, and its answer to come."""

    def __init__(self, question: Callable[[sqlite3.Connection], object], loop: asyncio.AbstractEventLoop) -> None:
        self.question = question
        self.loop = loop
        self.answer: asyncio.Future[object] = loop.create_future()


class Readers:
    """So many questions at a time; further ones wait for their turn."""

    def __init__(self, path: Path, threads: int, name: str) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._of_thread = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._together: list[_Asked] = []
        self._handed_over: set[asyncio.Task[None]] = set()
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
            raise _unreadable(error) from error

    async def ask_together(
        self, question: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return the answer, as `ask` does; what is asked in one turn of the loop shares a way to a thread and back.

        That way costs more than a short question: a crowd that is woken together would wait for it one by one.
        """
        asked = _Asked(lambda connection: question(connection, *args, **kwargs), asyncio.get_running_loop())
        self._together.append(asked)
        if len(self._together) == 1:
            asked.loop.call_soon(self._hand_over)
        return cast(T, await asked.answer)

    def _hand_over(self) -> None:
        together, self._together = self._together, []
        for first in range(0, len(together), MOST_TOGETHER):
            self._handed_over.add(task := asyncio.create_task(self._answer(together[first : first + MOST_TOGETHER])))
            task.add_done_callback(self._handed_over.discard)

    async def _answer(self, together: Sequence["_Asked"]) -> None:
        """Answer each question, or say why it has no answer."""

        def each(connection: sqlite3.Connection) -> list[object]:
            connection.execute("BEGIN")  # else each statement would lock the file, and unlock it
            try:
                return [_tried(asked.question, connection) for asked in together]
            finally:
                if connection.in_transaction:  # a fault of the disk may have ended it
                    connection.execute("ROLLBACK")

        try:
            answers = await self.ask(each)
        except Exception as error:  # for each who asked
            answers = [error] * len(together)
        for asked, answer in zip(together, answers, strict=True):
            if asked.answer.done():
                continue
            if isinstance(answer, Exception):
                asked.answer.set_exception(answer)
            else:
                asked.answer.set_result(answer)

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


def _tried(question: Callable[[sqlite3.Connection], object], connection: sqlite3.Connection) -> object:
    """Return the answer, or the exception that there is instead; none that ends the thread."""
    try:
        return question(connection)
    except sqlite3.Error as error:
        return _unreadable(error)
    except Exception as error:
        return error


def _unreadable(error: sqlite3.Error) -> StoreUnavailable:
    unavailable = StoreUnavailable(f"The database can't be read: {error}.")
    unavailable.__cause__ = error
    return unavailable
