"""Drives one tunnel: pushes what is due, settles what comes back."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NoReturn, Protocol, assert_never

from cstar_cli.cloud import logs
from cstar_cli.cloud.sessions import Sessions
from cstar_cli.cloud.store.interface import SessionMoved, Store
from cstar_cli.cloud.store.records import AttemptOutcome, DueDelivery, Session
from cstar_cli.errors import CstarError
from cstar_cli.events.envelope import MAX_BODY_BYTES
from cstar_cli.events.filters import EventFilter
from cstar_cli.protocol.commands import End, HangUp, Open, Refill, RelayCommand, Send, Settle
from cstar_cli.protocol.frames import (
    DEAD_AFTER_S,
    Delivery,
    Frame,
    Hello,
    MalformedMessage,
    Refused,
    Result,
    Welcome,
    decode,
    encode,
)
from cstar_cli.protocol.relay import MAX_WINDOW, RelayProtocol

TICK_S = 2.5
PUSH_BYTES = 2 * MAX_BODY_BYTES
MESSAGE_BYTES = 256 * 1024
MAX_RESULTS = 4 * MAX_WINDOW  # that wait to be settled: a listener in order has a window of them, and repeats
MAX_RESULT_BYTES = 32 * 1024 * 1024
MAX_REASON_BYTES = 123  # what a closing frame holds (RFC 6455, 5.5)


class Socket(Protocol):
    """A connected websocket. Both methods raise Gone when it is closed."""

    async def receive(self) -> bytes: ...

    async def send(self, message: bytes) -> None: ...


class Gone(Exception):
    """The tunnel ends here; `reason` is for the closing frame."""

    def __init__(self, reason: str, code: int = 1000) -> None:
        super().__init__(reason)
        self.reason = reason.encode(errors="replace")[:MAX_REASON_BYTES].decode(errors="ignore")
        self.code = code


def unobserved(_session: Session, _outcome: AttemptOutcome) -> None:
    """Nobody counts the attempts."""


class Relay:
    """One connection of one listener, from its hello to its end; `observe` gets each attempt once it is durable."""

    def __init__(
        self,
        socket: Socket,
        team_id: str,
        store: Store,
        sessions: Sessions,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        observe: Callable[[Session, AttemptOutcome], None] = unobserved,
    ) -> None:
        self._socket = socket
        self._team_id = team_id
        self._store = store
        self._sessions = sessions
        self._clock = clock
        self._sleep = sleep
        self._observe = observe
        self._protocol = RelayProtocol(clock())
        self._session: Session | None = None
        self._outbox: deque[Frame] = deque()
        self._outbox_filled = asyncio.Event()
        self._results: list[Result] = []
        self._result_bytes = 0
        self._results_came = asyncio.Event()
        self._settling = asyncio.Lock()
        self._just_settled: set[str] = set()
        self._wake = asyncio.Event()
        self._displaced = asyncio.Event()

    async def run(self) -> Gone:
        """Serve the tunnel until it ends, and say why it did."""
        hang_up = self._displaced.set
        end = Gone("over")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(group, hang_up))
                group.create_task(self._write())
                group.create_task(self._beat())
                group.create_task(self._until_displaced())
        except* SessionMoved:
            end = Gone("going away", code=1001)
        except* CstarError as failed:
            end = Gone(str(failed.exceptions[0]), code=1011)
        except* Gone as gone:
            end = next(error for error in gone.exceptions if isinstance(error, Gone))
        finally:
            if self._session:
                self._store.wakeups.leave(self._session.id, self._wake)
                await self._sessions.leave(self._session, hang_up)
        session_id = self._session.id if self._session else None
        logs.info("tunnel closed", team_id=self._team_id, session_id=session_id, code=end.code, reason=end.reason)
        return end

    async def _read(self, group: asyncio.TaskGroup, hang_up: Callable[[], None]) -> NoReturn:
        while True:
            frames = await self._receive()
            for command in self._protocol.received(frames, self._clock()):
                match command:
                    case Open(hello):
                        session = await self._open(hello, hang_up)
                        group.create_task(self._push(session))
                        group.create_task(self._settle(session))
                    case Settle(result):
                        self._take(result)
                    case End():
                        await self._end(hang_up)
                    case HangUp(reason):
                        await self._refuse(reason)
                    case Send() | Refill():
                        self._do([command])
                    case _:
                        assert_never(command)

    async def _receive(self) -> Sequence[Frame]:
        message = await self._socket.receive()
        try:
            return decode(message)
        except MalformedMessage as error:
            self._do([Send(Refused(str(error), retry=False))])
            await self._refuse(str(error))

    async def _open(self, hello: Hello, hang_up: Callable[[], None]) -> Session:
        try:
            filter = EventFilter.parse(hello.events)
        except CstarError as error:
            self._do([Send(Refused(str(error), retry=False))])
            await self._refuse("not an event filter")
        async with self._sessions.opening:
            return await self._open_session(hello, filter, hang_up)

    async def _open_session(self, hello: Hello, filter: EventFilter, hang_up: Callable[[], None]) -> Session:
        session = None
        if hello.session_id:
            session = await self._store.resume_session(hello.session_id, self._team_id, filter, hello.forward_to)
        resumed = session is not None
        session = session or await self._store.open_session(self._team_id, filter, hello.forward_to)
        self._session = session
        self._wake = self._store.wakeups.join(session.id)
        self._sessions.join(session, hang_up)
        logs.info("tunnel opened", team_id=self._team_id, session_id=session.id, resumed=resumed)
        held = resumed and hello.holding
        holding = await self._store.still_pending(session, hello.holding) if held else ()
        waiting = await self._store.count_due(session) - len(holding)
        welcome = Welcome(session.id, resumed, waiting)
        self._do(self._protocol.accepted(welcome, holding, self._clock()))
        return session

    async def _refuse(self, reason: str) -> NoReturn:
        """Hang up, once what has been said is sent: it says why, and whether to come back."""
        await self._flush()
        raise Gone(reason, code=1008)

    async def _end(self, hang_up: Callable[[], None]) -> NoReturn:
        if self._session:
            await self._settle_results(self._session)
            await self._sessions.end(self._session, hang_up, "the listener ended before it answered this")
        raise Gone("bye")

    def _take(self, result: Result) -> None:
        self._results.append(result)
        self._result_bytes += _size(result)
        if len(self._results) > MAX_RESULTS or self._result_bytes > MAX_RESULT_BYTES:
            raise Gone("more results than can be stored", code=1008)
        self._results_came.set()

    async def _push(self, session: Session) -> NoReturn:
        """Send what is due and not with the listener, as far as there is room, in commit order."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            drained = False
            while not drained and (room := self._protocol.room):
                self._just_settled.clear()
                due = await self._store.due(session, self._protocol.held, room, PUSH_BYTES)
                size = sum(len(delivery.body) for delivery in due)
                drained = len(due) < room and size + MAX_BODY_BYTES <= PUSH_BYTES  # one more would have come along
                # A result may have come, after its lease, while the store was read: the listener has forgotten it.
                fresh = [_frame(delivery) for delivery in due if delivery.id not in self._just_settled]
                self._do(self._protocol.push(fresh, self._clock()))

    async def _settle(self, session: Session) -> NoReturn:
        while True:
            await self._results_came.wait()
            self._results_came.clear()
            await self._settle_results(session)

    async def _settle_results(self, session: Session) -> None:
        """Make results durable, as many at once as have come in."""
        async with self._settling:
            outcomes = [_outcome(result) for result in self._results]
            self._results, self._result_bytes = [], 0
            if not outcomes:
                return
            settled = await self._store.settle(session, outcomes)
            news = set(settled) & self._protocol.held  # the others were settled before, or twice now
            for outcome in outcomes:
                if outcome.delivery_id in news:
                    news.discard(outcome.delivery_id)
                    self._observe(session, outcome)
            self._just_settled.update(settled)
            was_full = not self._protocol.room
            self._do(self._protocol.settled(settled, self._clock()))
            if was_full:  # else everything due has been pushed
                self._wake.set()

    async def _write(self) -> NoReturn:
        while True:
            await self._outbox_filled.wait()
            self._outbox_filled.clear()
            await self._flush()

    async def _flush(self) -> None:
        while self._outbox:
            frames: list[Frame] = []
            size = 0
            while self._outbox and size < MESSAGE_BYTES:
                frame = self._outbox.popleft()
                size += len(frame.body) if isinstance(frame, Delivery) else 0
                frames.append(frame)
            try:
                async with asyncio.timeout(DEAD_AFTER_S):
                    await self._socket.send(encode(frames))
            except TimeoutError:
                raise Gone("the listener doesn't read", code=1008) from None

    async def _beat(self) -> NoReturn:
        while True:
            await self._sleep(TICK_S)
            self._do(self._protocol.tick(self._clock()))

    async def _until_displaced(self) -> NoReturn:
        await self._displaced.wait()
        raise Gone("going away", code=1001)

    def _do(self, commands: Iterable[RelayCommand]) -> None:
        for command in commands:
            match command:
                case Send(frame):
                    self._outbox.append(frame)
                    self._outbox_filled.set()
                case HangUp(reason):
                    raise Gone(reason, code=1008)
                case Refill():
                    self._wake.set()
                case _:
                    raise AssertionError(f"{command} belongs to another task")


def _frame(due: DueDelivery) -> Delivery:
    return Delivery(due.id, due.event_id, due.event_type, due.attempt, body=due.body)


def _size(result: Result) -> int:
    headers = sum(len(name) + len(value) for name, value in (*result.request_headers, *result.response_headers))
    return len(result.body) + headers


def _outcome(result: Result) -> AttemptOutcome:
    return AttemptOutcome(
        delivery_id=result.delivery_id,
        attempt=result.attempt,
        succeeded=result.succeeded,
        status=result.status,
        error=result.error,
        started_at_ms=result.started_at_ms,
        duration_ms=result.duration_ms,
        request_headers=result.request_headers,
        response_headers=result.response_headers,
        response_body=result.body,
    )
