"""`SqliteStore`: the store interface over one file."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.cloud.store.queries import AttemptQuery, DeliveryQuery, Page
from cstar_cli.cloud.store.records import Attempt, AttemptOutcome, Delivery, DueDelivery, Session, StoredEvent
from cstar_cli.cloud.store.sqlite import reads, writes
from cstar_cli.cloud.store.sqlite.connection import open_reader, open_writer
from cstar_cli.cloud.store.sqlite.lock import FileLock
from cstar_cli.cloud.store.sqlite.writer import Writer
from cstar_cli.cloud.store.wakeups import Wakeups
from cstar_cli.errors import CstarError
from cstar_cli.events.envelope import Event, new_id
from cstar_cli.events.filters import EventFilter

READERS = 2

P = ParamSpec("P")
T = TypeVar("T")


class SqliteStore:
    """All the cloud's memory in one file; made by `open`, used on the loop that opened it."""

    def __init__(self, path: Path, lock: FileLock, connection: sqlite3.Connection, now_ms: Callable[[], int]) -> None:
        self.wakeups = Wakeups()
        self._path = path
        self._lock = lock
        self._now_ms = now_ms
        self._writer = Writer(connection, self.wakeups)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="cstar-store-reader")
        self._reader = threading.local()
        self._reader_connections: list[sqlite3.Connection] = []
        self._closed = False

    @staticmethod
    def open(path: Path, now_ms: Callable[[], int]) -> "SqliteStore":
        """Take the file for this process. Raises DatabaseInUse, or CstarError when it can't be used."""
        try:
            lock = FileLock(path.with_name(path.name + ".lock"))
        except OSError as error:
            raise CstarError(f"Can't write {path.parent}: {error.strerror}. {_CHOOSE_ANOTHER}") from error
        try:
            return SqliteStore(path, lock, open_writer(path), now_ms)
        except (sqlite3.Error, OSError) as error:
            lock.release()
            raise CstarError(f"Can't use the database {path}: {error}. {_CHOOSE_ANOTHER}") from error
        except BaseException:
            lock.release()
            raise

    async def close(self) -> None:
        self._closed = True
        await self._writer.close()
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._reader_connections:
            connection.close()
        self._lock.release()

    async def append_event(self, event: Event) -> Sequence[Delivery]:
        return await self._writer.run(lambda connection: writes.append_event(connection, event, lambda: new_id("dlv")))

    async def open_session(self, team_id: str, filter: EventFilter, forward_to: str) -> Session:
        session = Session(new_id("ses"), team_id, filter, forward_to, epoch=1)
        return await self._writer.run(lambda connection: writes.open_session(connection, session, self._now_ms()))

    async def resume_session(
        self, session_id: str, team_id: str, filter: EventFilter, forward_to: str
    ) -> Session | None:
        wanted = Session(session_id, team_id, filter, forward_to, epoch=0)
        return await self._writer.run(lambda connection: writes.resume_session(connection, wanted))

    async def end_session(self, session: Session, reason: str) -> None:
        await self._writer.run(lambda connection: writes.end_session(connection, session, reason, self._now_ms()))

    async def settle(self, session: Session, outcomes: Sequence[AttemptOutcome]) -> Sequence[str]:
        return await self._writer.run(lambda connection: writes.settle(connection, session, outcomes, self._now_ms()))

    async def open_sessions(self) -> Sequence[Session]:
        return await self._read(reads.open_sessions)

    async def due(self, session: Session, after_seq: int, limit: int, most_bytes: int) -> Sequence[DueDelivery]:
        return await self._read(reads.due, session.id, after_seq, limit, most_bytes)

    async def due_again(self, session: Session, delivery_ids: Sequence[str]) -> Sequence[DueDelivery]:
        return await self._read(reads.due_again, session.id, delivery_ids)

    async def count_due(self, session: Session) -> int:
        return await self._read(reads.count_due, session.id)

    async def event(self, team_id: str, event_id: str) -> StoredEvent | None:
        return await self._read(reads.event, team_id, event_id)

    async def events(self, team_id: str, filter: EventFilter, page: Page) -> Sequence[StoredEvent]:
        return await self._read(reads.events, team_id, filter, page)

    async def delivery(self, team_id: str, delivery_id: str) -> Delivery | None:
        return await self._read(reads.delivery, team_id, delivery_id)

    async def deliveries(self, team_id: str, query: DeliveryQuery, page: Page) -> Sequence[Delivery]:
        return await self._read(reads.deliveries, team_id, query, page)

    async def attempts_of(self, delivery_id: str) -> Sequence[Attempt]:
        return await self._read(reads.attempts_of, delivery_id)

    async def attempts_after(
        self, team_id: str, query: AttemptQuery, after_seq: int, limit: int
    ) -> tuple[Sequence[Attempt], int]:
        return await self._read(reads.attempts_after, team_id, query, after_seq, limit)

    async def last_attempts(self, team_id: str, query: AttemptQuery, lines: int) -> tuple[Sequence[Attempt], int]:
        return await self._read(reads.last_attempts, team_id, query, lines)

    async def seq_before(self, team_id: str, since_ms: int) -> int:
        return await self._read(reads.seq_before, team_id, since_ms)

    async def _read(self, ask: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def in_thread() -> T:
            return ask(self._reader_connection(), *args, **kwargs)

        if self._closed:
            raise StoreUnavailable("The store is closed.")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, in_thread)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"The database can't be read: {error}.") from error

    def _reader_connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._reader, "connection", None)
        if connection is None:
            connection = self._reader.connection = open_reader(self._path)
            self._reader_connections.append(connection)
        return connection


_CHOOSE_ANOTHER = "Mend that, or choose another --database."
