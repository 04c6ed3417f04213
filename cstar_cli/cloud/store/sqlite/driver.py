"""`SqliteStore`: the store interface over one file."""

import sqlite3
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from cstar_cli.cloud.store.interface import NO_RETRIES, NO_TRAITS, SessionMoved
from cstar_cli.cloud.store.meeting import Announcement
from cstar_cli.cloud.store.queries import (
    LAST_PLACE,
    AttemptQuery,
    DeliveryQuery,
    DueQuery,
    Page,
)
from cstar_cli.cloud.store.reasons import moved
from cstar_cli.cloud.store.records import (
    Arrival,
    Attempt,
    AttemptOutcome,
    Backlog,
    Delivery,
    Due,
    Exchange,
    ListedEvent,
    OpenSession,
    Report,
    Session,
    Settled,
    Traits,
    WaitsMs,
)
from cstar_cli.cloud.store.skipping import skip
from cstar_cli.cloud.store.sqlite import log, meeting, opening, reads, sessions, upkeep, writes
from cstar_cli.cloud.store.sqlite.accounts import SqliteAccounts
from cstar_cli.cloud.store.sqlite.connection import migrate, open_writer
from cstar_cli.cloud.store.sqlite.lock import FileLock
from cstar_cli.cloud.store.sqlite.queue import SqliteQueue
from cstar_cli.cloud.store.sqlite.readers import Readers
from cstar_cli.cloud.store.sqlite.webhooks import SqliteWebhooks
from cstar_cli.cloud.store.sqlite.writer import Writer, Written
from cstar_cli.cloud.store.wakeups import ANNOUNCEMENTS, Wakeups
from cstar_cli.errors import CstarError
from cstar_cli.events.envelope import Event, new_id
from cstar_cli.events.filters import EventFilter

LIST_THREADS = 2


class SqliteStore:
    """All the cloud's memory in one file; made by `open`, used on the loop that opened it."""

    def __init__(self, path: Path, lock: FileLock, connection: sqlite3.Connection, now_ms: Callable[[], int]) -> None:
        self.wakeups = Wakeups()
        self._lock = lock
        self._now_ms = now_ms
        self._writer = Writer(connection, self.wakeups)
        self._lists = Readers(path, LIST_THREADS, "cstar-store-lists")
        self._tunnels = Readers(path, 1, "cstar-store-tunnels")  # of their own: no slow list holds up a delivery
        self._keys = Readers(path, 1, "cstar-store-keys")  # nor the check of a key, or of health
        self._webhooks = SqliteWebhooks(self._writer, self._lists, now_ms)
        self._queue = SqliteQueue(self._writer, self._lists, now_ms)
        self._accounts = SqliteAccounts(self._writer, self._keys, now_ms)
        self._announcements: list[Announcement] = []  # in memory: whom they are for is connected to this process

    @property
    def webhooks(self) -> SqliteWebhooks:
        return self._webhooks

    @property
    def queue(self) -> SqliteQueue:
        return self._queue

    @property
    def accounts(self) -> SqliteAccounts:
        return self._accounts

    @staticmethod
    def open(path: Path, now_ms: Callable[[], int]) -> "SqliteStore":
        """Take the file for this process. Raises DatabaseInUse, or CstarError when it can't be used."""
        with _owned(path) as lock:
            connection = open_writer(path)
            upkeep.begin_anew(connection, now_ms())
            return SqliteStore(path, lock, connection, now_ms)

    @staticmethod
    def migrate(path: Path) -> list[str]:
        """Bring the file up to date, and return the names of the migrations that were missing; see `open`."""
        with _owned(path) as lock:
            applied = migrate(path)
            lock.release()
            return applied

    async def close(self) -> None:
        await self._writer.close()
        await self._lists.close()
        await self._tunnels.close()
        await self._keys.close()
        self._lock.release()

    async def ping(self) -> None:
        await self._writer.run(upkeep.check)
        await self._keys.ask(reads.check)

    async def append_event(self, event: Event, only: str | None = None) -> Sequence[Delivery]:
        if only is None:
            return (await self.append_events([event]))[0]
        return await self._writer.run(lambda connection: writes.append_for_one(connection, event, only, self._now_ms()))

    async def append_events(self, events: Sequence[Event]) -> Sequence[Sequence[Delivery]]:
        return await self._writer.run(lambda connection: writes.append_events(connection, events, self._now_ms()))

    async def forget(self, before_ms: int, limit: int) -> int:
        return await self._writer.run(lambda connection: upkeep.forget(connection, before_ms, limit, self._now_ms()))

    async def open_session(
        self, team_id: str, filter: EventFilter, forward_to: str, traits: Traits = NO_TRAITS
    ) -> Session:
        epoch = 1 if traits.since_ms is None else 0
        session = _session(new_id("ses"), team_id, filter, forward_to, epoch, traits)
        return await self._writer.run(lambda connection: sessions.open_session(connection, session, self._now_ms()))

    async def resume_session(
        self, session_id: str, team_id: str, filter: EventFilter, forward_to: str, traits: Traits = NO_TRAITS
    ) -> Session | None:
        wanted = _session(session_id, team_id, filter, forward_to, 0, traits)
        return await self._writer.run(lambda connection: sessions.resume_session(connection, wanted))

    async def missed_since(self, session_id: str, team_id: str, unheard_ms: int) -> int | None:
        return await self._tunnels.ask_together(reads.missed_since, session_id, team_id, unheard_ms)

    async def catch_up(self, session: Session, since_ms: int, goes_on: Callable[[], bool]) -> Session:
        place, is_before = LAST_PLACE, False
        while not is_before and goes_on():
            place, is_before = await self._lists.ask(opening.place_before, session.team_id, since_ms, place)
        while not session.epoch:
            if not goes_on():
                raise moved(session)
            session, place = await self._writer.run(
                partial(opening.catch_up, session=session, since_ms=since_ms, after=place, now_ms=self._now_ms())
            )
        return session

    async def end_session(self, session: Session, reason: str) -> None:
        await self._writer.run(lambda connection: sessions.end_session(connection, session, reason, self._now_ms()))

    async def leave_session(self, session: Session) -> None:
        await self._writer.run(lambda connection: sessions.leave_session(connection, session, self._now_ms()))

    async def end_lost_sessions(self, grace_ms: int, reason: str) -> int:
        ended = 0
        while await self._writer.run(
            lambda connection: sessions.end_one_lost(connection, grace_ms, reason, self._now_ms())
        ):
            ended += 1
        return ended

    async def settle(
        self, session: Session, outcomes: Sequence[AttemptOutcome], waits_ms: WaitsMs = NO_RETRIES
    ) -> Settled:
        return await self._writer.run_with_others(self._settle, Report(session, outcomes, waits_ms))

    def _settle(self, connection: sqlite3.Connection, reports: Sequence[Report]) -> list[Written[Settled]]:
        return sessions.settle(connection, reports, self._now_ms())

    async def due(self, queries: Sequence[DueQuery]) -> Sequence[Due | SessionMoved]:
        return await self._tunnels.ask(reads.due, queries, self._now_ms())

    async def still_pending(self, session: Session, delivery_ids: Collection[str]) -> Collection[str]:
        return await self._tunnels.ask_together(reads.still_pending, session.id, tuple(delivery_ids))

    async def backlog(self, session: Session, without: Collection[str]) -> Backlog:
        return await self._tunnels.ask_together(reads.backlog, session.id, tuple(without))

    async def arrive(self, session: Session, within_ms: int | None = None) -> Arrival:
        arrival, announcements = await self._tunnels.ask_together(meeting.arrive, session, within_ms)
        if announcements:
            self._announcements += announcements
            self.wakeups.wake([ANNOUNCEMENTS])
        return arrival

    async def announcements(self) -> Sequence[Announcement]:
        taken, self._announcements = self._announcements, []
        return taken

    async def sessions(self, team_id: str, name: str | None, page: Page) -> Sequence[OpenSession]:
        return await self._lists.ask(reads.sessions, team_id, name, page)

    async def names_of(self, session_ids: Collection[str]) -> Mapping[str, str]:
        return await self._lists.ask(reads.names_of, tuple(session_ids))

    async def skip(self, session: Session, without: Collection[str]) -> Backlog:
        def some(most: int) -> Awaitable[int]:
            return self._writer.run(
                partial(sessions.skip_some, session=session, without=tuple(without), most=most, now_ms=self._now_ms())
            )

        return await skip(await self.backlog(session, without), some)

    async def event(self, team_id: str, event_id: str) -> Event | None:
        return await self._lists.ask(reads.event, team_id, event_id)

    async def events(self, team_id: str, filter: EventFilter, page: Page) -> Sequence[ListedEvent]:
        return await self._lists.ask(reads.events, team_id, filter, page)

    async def delivery(self, team_id: str, delivery_id: str) -> Delivery | None:
        return await self._lists.ask(reads.delivery, team_id, delivery_id)

    async def deliveries(self, team_id: str, query: DeliveryQuery, page: Page) -> Sequence[Delivery]:
        return await self._lists.ask(reads.deliveries, team_id, query, page)

    async def exchanges_of(self, delivery_id: str) -> Sequence[Exchange]:
        return await self._lists.ask(log.exchanges_of, delivery_id)

    async def attempts_after(
        self, team_id: str, query: AttemptQuery, cursor: str, limit: int
    ) -> tuple[Sequence[Attempt], str]:
        return await self._lists.ask(log.attempts_after, team_id, query, cursor, limit)

    async def last_attempts(self, team_id: str, query: AttemptQuery, lines: int) -> tuple[Sequence[Attempt], str]:
        return await self._lists.ask(log.last_attempts, team_id, query, lines)

    async def cursor_before(self, team_id: str, since_ms: int) -> str:
        return await self._lists.ask(log.cursor_before, team_id, since_ms)


def _session(id_: str, team_id: str, filter: EventFilter, forward_to: str, epoch: int, traits: Traits) -> Session:
    asked = (traits.name, traits.origin, traits.listener, traits.wire)
    return Session(id_, team_id, filter, forward_to, epoch, *asked)


@contextmanager
def _owned(path: Path) -> Iterator[FileLock]:
    """Take the file; should what follows fail, it is free again."""
    try:
        lock = FileLock(path.with_name(path.name + ".lock"))
    except OSError as error:
        raise CstarError(f"Can't write {path.parent}: {error.strerror}. {_CHOOSE_ANOTHER}") from error
    try:
        yield lock
    except (sqlite3.Error, OSError) as error:
        lock.release()
        raise CstarError(f"Can't use the database {path}: {error}. {_CHOOSE_ANOTHER}") from error
    except BaseException:
        lock.release()
        raise


_CHOOSE_ANOTHER = "Mend that, or choose another place: CSTAR_HOME, or --database of cstar cloud serve."
