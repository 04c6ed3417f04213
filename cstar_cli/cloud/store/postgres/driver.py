"""`PostgresStore`: the store interface over a database that any number of nodes share."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress

from cstar_cli.cloud.store.interface import NO_RETRIES, NO_TRAITS, StoreUnavailable
from cstar_cli.cloud.store.meeting import Announcement
from cstar_cli.cloud.store.postgres import log, meeting, opening, reads, sessions, upkeep
from cstar_cli.cloud.store.postgres.accounts import PostgresAccounts
from cstar_cli.cloud.store.postgres.appending import Appending, append
from cstar_cli.cloud.store.postgres.batcher import Batcher
from cstar_cli.cloud.store.postgres.bus import Bus
from cstar_cli.cloud.store.postgres.connection import PLANNED_ONCE, Connector
from cstar_cli.cloud.store.postgres.cursor import Cursor
from cstar_cli.cloud.store.postgres.database import Database
from cstar_cli.cloud.store.postgres.migrating import migrate
from cstar_cli.cloud.store.postgres.polling import Poll
from cstar_cli.cloud.store.postgres.queue import PostgresQueue
from cstar_cli.cloud.store.postgres.webhooks import PostgresWebhooks
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
from cstar_cli.cloud.store.wakeups import ANNOUNCEMENTS, Wakeups, attempts_of
from cstar_cli.events.envelope import Event, new_id
from cstar_cli.events.filters import EventFilter

CONNECTIONS = 8
LIST_CONNECTIONS = 3
LOOP_CONNECTIONS = 2  # claims and settles
LOOK_AGAIN_S = 0.02  # for attempts that are hidden behind a transaction that is open


class PostgresStore:
    """All the clouds' memory; made by `open`, used on the loop that opened it. Each store is a node."""

    def __init__(self, url: str, poll_s: float) -> None:
        self.wakeups = Wakeups()
        self._node = new_id("nod")
        self._connector = Connector(url)
        self._database = Database(self._connector, CONNECTIONS, self._wake)
        self._lists = Database(
            self._connector, LIST_CONNECTIONS, self._wake
        )  # of their own: no slow list holds up a delivery
        self._loop = Database(self._connector, LOOP_CONNECTIONS, self._wake, PLANNED_ONCE)
        self._bus = Bus(self._connector, self._node, self.wakeups)
        self._poll = Poll(self._database, self._node, self.wakeups, poll_s)
        self._appender: Batcher[Appending, Sequence[Delivery]] = Batcher(self._database, append)
        self._settler: Batcher[Report, Settled] = Batcher(self._database, sessions.settle)
        self._webhooks = PostgresWebhooks(self._database, self._lists)
        self._queue = PostgresQueue(self._database, self._lists, self._loop)
        self._accounts = PostgresAccounts(self._database)
        self._writing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def webhooks(self) -> PostgresWebhooks:
        return self._webhooks

    @property
    def queue(self) -> PostgresQueue:
        return self._queue

    @property
    def accounts(self) -> PostgresAccounts:
        return self._accounts

    @staticmethod
    async def open(url: str, poll_s: float) -> "PostgresStore":
        """Join the nodes of the database, and bring its schema up to date. Raises CstarError when it can't be used."""
        await migrate(url)
        store = PostgresStore(url, poll_s)
        try:
            await store._database.open()
            await store._lists.open()
            await store._loop.open()
            await store._database.ask(sessions.beat, store._node)
            await store._bus.join()
        except BaseException:
            await store._close_connections()
            raise
        store._writing = asyncio.create_task(store._write())
        store._watching = asyncio.create_task(store._watch())
        return store

    async def close(self) -> None:
        for batcher in (self._appender, self._settler, self._queue.settler):
            batcher.close()
        if self._writing and self._watching:
            await self._writing
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        with suppress(StoreUnavailable):
            await self._database.ask(sessions.leave_all, self._node)
        await self._close_connections()

    async def ping(self) -> None:
        await self._database.ask(sessions.beat, self._node)

    async def append_event(self, event: Event, only: str | None = None) -> Sequence[Delivery]:
        return await self._appender.run(Appending(event, only))

    async def append_events(self, events: Sequence[Event]) -> Sequence[Sequence[Delivery]]:
        return await asyncio.gather(*map(self.append_event, events))

    async def forget(self, before_ms: int, limit: int) -> int:
        return await self._database.change(upkeep.forget, before_ms, limit)

    async def open_session(
        self, team_id: str, filter: EventFilter, forward_to: str, traits: Traits = NO_TRAITS
    ) -> Session:
        epoch = 1 if traits.since_ms is None else 0
        session = _session(new_id("ses"), team_id, filter, forward_to, epoch, traits)
        await self._database.ask(sessions.open_session, session, self._node)  # one statement needs no transaction
        return session

    async def resume_session(
        self, session_id: str, team_id: str, filter: EventFilter, forward_to: str, traits: Traits = NO_TRAITS
    ) -> Session | None:
        wanted = _session(session_id, team_id, filter, forward_to, 0, traits)
        return await self._database.change(sessions.resume_session, wanted, self._node)

    async def missed_since(self, session_id: str, team_id: str, unheard_ms: int) -> int | None:
        return await self._database.ask(reads.missed_since, session_id, team_id, unheard_ms)

    async def catch_up(self, session: Session, since_ms: int, goes_on: Callable[[], bool]) -> Session:
        place, is_before = LAST_PLACE, False
        while not is_before and goes_on():
            place, is_before = await self._lists.ask(opening.place_before, session.team_id, since_ms, place)
        while not session.epoch:
            if not goes_on():
                raise moved(session)
            session, place = await self._database.change(opening.catch_up, session, since_ms, place, self._node)
        return session

    async def end_session(self, session: Session, reason: str) -> None:
        await self._database.change(sessions.end_session, session, reason)

    async def leave_session(self, session: Session) -> None:
        await self._database.change(sessions.leave_session, session)

    async def end_lost_sessions(self, grace_ms: int, reason: str) -> int:
        ended = 0
        while lost := await self._database.ask(sessions.lost_sessions, self._node, grace_ms):
            for session in lost:
                ended += await self._database.change(sessions.end_session, session, reason, grace_ms)
        return ended

    async def settle(
        self, session: Session, outcomes: Sequence[AttemptOutcome], waits_ms: WaitsMs = NO_RETRIES
    ) -> Settled:
        return await self._settler.run(Report(session, tuple(outcomes), waits_ms))

    async def due(self, queries: Sequence[DueQuery]) -> Sequence[Due | Exception]:
        return await asyncio.gather(*map(self._due, queries))

    async def still_pending(self, session: Session, delivery_ids: Collection[str]) -> Collection[str]:
        return await self._database.ask(reads.still_pending, session.id, tuple(delivery_ids))

    async def backlog(self, session: Session, without: Collection[str]) -> Backlog:
        return await self._database.ask(reads.backlog, session.id, tuple(without))

    async def arrive(self, session: Session, within_ms: int | None = None) -> Arrival:
        arrival, announcements = await self._database.ask(meeting.arrive, session, within_ms)
        if announcements:
            await self._database.ask(meeting.announce, announcements)
            self._wake([ANNOUNCEMENTS])
        return arrival

    async def announcements(self) -> Sequence[Announcement]:
        return await self._database.ask(meeting.take, self._node)

    async def sessions(self, team_id: str, name: str | None, page: Page) -> Sequence[OpenSession]:
        return await self._lists.ask(reads.sessions, team_id, name, page)

    async def names_of(self, session_ids: Collection[str]) -> Mapping[str, str]:
        return await self._lists.ask(reads.names_of, tuple(session_ids))

    async def skip(self, session: Session, without: Collection[str]) -> Backlog:
        def some(most: int) -> Awaitable[int]:
            return self._database.change(sessions.skip_some, session, tuple(without), most)

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
        attempts, after = await self._lists.ask(log.attempts_after, team_id, query, Cursor.parse(cursor), limit)
        if await self._lists.ask(log.has_hidden, team_id):
            asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self.wakeups.wake, [attempts_of(team_id)])
        return attempts, str(after)

    async def last_attempts(self, team_id: str, query: AttemptQuery, lines: int) -> tuple[Sequence[Attempt], str]:
        attempts, cursor = await self._lists.ask(log.last_attempts, team_id, query, lines)
        return attempts, str(cursor)

    async def cursor_before(self, team_id: str, since_ms: int) -> str:
        return str(await self._lists.ask(log.cursor_before, team_id, since_ms))

    async def _due(self, query: DueQuery) -> Due | Exception:
        try:
            return await self._database.ask(reads.due, query)
        except Exception as error:  # the answer to this one: the others are on connections of their own
            return error

    def _wake(self, topics: Sequence[str]) -> None:
        self.wakeups.wake(topics)
        self._bus.tell(topics)

    async def _write(self) -> None:
        async with asyncio.TaskGroup() as writers:
            for batcher in (self._appender, self._settler, self._queue.settler):
                writers.create_task(batcher.work())

    async def _watch(self) -> None:
        async with asyncio.TaskGroup() as watchers:
            watchers.create_task(self._bus.run())
            watchers.create_task(self._poll.run())

    async def _close_connections(self) -> None:
        self._bus.leave()
        await self._database.close()
        await self._lists.close()
        await self._loop.close()
        await self._connector.close()


def _session(id_: str, team_id: str, filter: EventFilter, forward_to: str, epoch: int, traits: Traits) -> Session:
    asked = (traits.name, traits.origin, traits.listener, traits.wire)
    return Session(id_, team_id, filter, forward_to, epoch, *asked)
