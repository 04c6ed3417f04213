"""One thread writes: whatever has come in while a commit was under way shares the next one."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from queue import SimpleQueue
from typing import Generic, TypeVar

import msgspec

from cstar_cli.cloud.store.interface import Conflict, StoreUnavailable
from cstar_cli.cloud.store.wakeups import Wakeups

MAX_CHANGES_A_COMMIT = 1000

# What no waiting mends: these must not pass for a database that is away.
_OUR_FAULTS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.InterfaceError)

T = TypeVar("T")


class Written(msgspec.Struct, Generic[T], frozen=True):
    """What a change answers once it is durable, and whom to wake then."""

    result: T
    topics: Sequence[str] = ()


Item = TypeVar("Item")
Change = Callable[[sqlite3.Connection], Written[T]]
SharedChange = Callable[[sqlite3.Connection, Sequence[Item]], Sequence[Written[T]]]


class _Job(msgspec.Struct, Generic[Item, T], frozen=True):
    """A change, by itself or with the next ones if they are of the same kind."""

    change: "Callable[[sqlite3.Connection, Sequence[Item]], Sequence[Written[T] | Conflict]]"
    item: Item
    done: asyncio.Future[T]


class Writer:
    """Runs changes on the one read-write connection, in the order they come, many a commit."""

    def __init__(self, connection: sqlite3.Connection, wakeups: Wakeups) -> None:
        self._connection = connection
        self._wakeups = wakeups
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job[object, object] | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="cstar-store-writer", daemon=True)
        self._thread.start()

    async def run(self, change: Change[T]) -> T:
        """Return what the change answers, once it is durable. Raises StoreUnavailable when it can't be.

        A change that raises Conflict has changed nothing yet: that is its answer, and the others' go on.
        """
        return await self._done(lambda connection, _: [_made(change, connection)], None)

    async def run_with_others(self, change: SharedChange[Item, T], item: Item) -> T:
        """Return what the change answers to the item; it gets all that have come for it one after the other."""
        return await self._done(change, item)

    def _done(
        self, change: Callable[[sqlite3.Connection, Sequence[Item]], Sequence[Written[T] | Conflict]], item: Item
    ) -> asyncio.Future[T]:
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        done: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(change, item, done))  # type: ignore[arg-type]  # a queue of jobs of any type
        return done

    async def close(self) -> None:
        """Finish what has come in, then close the connection."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._connection.close()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            batch = [job]
            while not self._jobs.empty() and len(batch) < MAX_CHANGES_A_COMMIT:
                following = self._jobs.get()
                if following is None:
                    self._jobs.put(None)
                    break
                batch.append(following)
            self._commit(batch)

    def _commit(self, batch: Sequence[_Job[object, object]]) -> None:
        try:
            written = self._in_one_transaction(batch)
        except Exception as error:
            if len(batch) > 1:
                # One change spoiled the transaction for all: give each its own, so that each gets its own answer.
                for job in batch:
                    self._commit([job])
                return
            answer = StoreUnavailable(f"The database can't be written: {error}.")
            answer.__cause__ = error
            reason = answer if isinstance(error, sqlite3.Error) and not isinstance(error, _OUR_FAULTS) else error
            self._loop.call_soon_threadsafe(self._fail, batch[0], reason)
        else:
            self._loop.call_soon_threadsafe(self._tell, batch, written)

    def _in_one_transaction(self, batch: Sequence[_Job[object, object]]) -> list[Written[object] | Conflict]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            written: list[Written[object] | Conflict] = []
            for change, jobs in groupby(batch, key=attrgetter("change")):
                written += change(self._connection, [job.item for job in jobs])
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return written

    def _tell(self, batch: Sequence[_Job[object, object]], written: Sequence[Written[object] | Conflict]) -> None:
        for job, answer in zip(batch, written, strict=True):
            if isinstance(answer, Conflict):
                self._fail(job, answer)
            elif not job.done.done():
                job.done.set_result(answer.result)
        # In the same turn, so before anybody reads an answer; and none depends on what a wake-up does.
        for answer in written:
            if not isinstance(answer, Conflict):
                self._wakeups.wake(answer.topics)

    def _fail(self, job: _Job[object, object], error: Exception) -> None:
        if not job.done.done():
            job.done.set_exception(error)


def _made(change: Change[T], connection: sqlite3.Connection) -> Written[T] | Conflict:
    try:
        return change(connection)
    except Conflict as conflict:
        return conflict
