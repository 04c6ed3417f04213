"""A cloud without sockets, and a listener before it that forwards to nobody."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Generic, Literal, NoReturn, TypeVar

from msgspec.structs import replace

from cstar_cli.activity import Activity, Forwarded, Ready
from cstar_cli.errors import CstarError
from cstar_cli.protocol.frames import WISHES, Bye, Delivery, Frame, Hello, Result, Settled, Welcome, decode
from cstar_cli.protocol.listener import QUEUED_BEYOND_SLOTS, ListenerProtocol
from cstar_cli.sender.posting import Cancelable, Spawn
from cstar_cli.tunnel.chaos import Chaos
from cstar_cli.tunnel.connection import Connection, Take, Unreachable
from cstar_cli.tunnel.forwarder import Done, Unanswered
from cstar_cli.tunnel.listener import Listener
from cstar_cli.tunnel.surroundings import App, Look, Surroundings

Item = TypeVar("Item")
FrameKind = TypeVar("FrameKind", bound=Frame)
ActivityKind = TypeVar("ActivityKind", bound=Activity)

PATIENCE_S = 600
REFUSED = Unreachable("nothing listens on http://cloud", refused=True)
FOREIGN = Unreachable("something else answers at http://cloud", foreign=True)
FAILING = Unreachable("the cloud answered 503")


def delivery(number: int) -> Delivery:
    return Delivery(f"dlv_{number}", f"evt_{number}", "ticket.created", 1, body=b"{}")


class Growing(Generic[Item]):
    """A list that can be waited for."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self._grown = asyncio.Event()

    def add(self, item: Item) -> None:
        self.items.append(item)
        self._grown.set()

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not enough():
                self._grown.clear()
                await self._grown.wait()


class FakeConnection:
    """One connection as the cloud sees it, which reads while `reading` is set and closes after a bye."""

    def __init__(self) -> None:
        self.heeds: tuple[str, ...] = WISHES
        self.closed = False
        self.retry_waits_ms: tuple[int, ...] | None = (1000,)
        self.reading = asyncio.Event()
        self.reading.set()
        self._messages: Growing[list[Frame]] = Growing()
        self._to_listener: asyncio.Queue[Sequence[Frame] | Unreachable] = asyncio.Queue()

    @property
    def messages(self) -> list[list[Frame]]:
        return self._messages.items

    def say(self, *frames: Frame) -> None:
        """Send one message to the listener."""
        self._to_listener.put_nowait(frames)

    @property
    def unread(self) -> int:
        """How many messages the listener hasn't read."""
        return self._to_listener.qsize()

    def cut(self, reason: str = "cut") -> None:
        self._to_listener.put_nowait(Unreachable(reason))

    def heard(self, kind: type[FrameKind]) -> list[FrameKind]:
        return [frame for message in self.messages for frame in message if isinstance(frame, kind)]

    async def hear(self, kind: type[FrameKind], count: int = 1) -> list[FrameKind]:
        """Return what the listener has said of this kind, once it has said so many."""
        await self._messages.until(lambda: len(self.heard(kind)) >= count)
        return self.heard(kind)

    async def welcome(self, session_id: str = "ses_1", *, resumed: bool = False, **more: int) -> Hello:
        """Let the listener in, once it has introduced itself."""
        [hello] = await self.hear(Hello)
        retry_waits_ms = self.retry_waits_ms if hello.retry_speed else None
        self.say(replace(Welcome(session_id, resumed, 0, retry_waits_ms=retry_waits_ms, heeds=self.heeds), **more))
        return hello

    async def settle(self, count: int = 1) -> None:
        """Make the results durable, once there are so many."""
        self.say(Settled(tuple(result.delivery_id for result in await self.hear(Result, count))))

    async def read(self, take: Take) -> NoReturn:
        while True:
            item = await self._to_listener.get()
            if isinstance(item, Unreachable):
                raise item
            wait = take(item)
            if wait is not None:
                await wait

    def send(self, message: bytes) -> Awaitable[None] | None:
        if not self.reading.is_set():
            return self._hear_later(message)
        self._hear(message)
        return None

    async def _hear_later(self, message: bytes) -> None:
        await self.reading.wait()
        self._hear(message)

    def _hear(self, message: bytes) -> None:
        self._messages.add(list(decode(message)))
        if self.heard(Bye):
            self.cut("bye")


class FakeCloud:
    """Takes connections, unless `trouble` says why not."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self._dialled_at: Growing[float] = Growing()
        self._connections: asyncio.Queue[FakeConnection] = asyncio.Queue()

    @property
    def dialled_at(self) -> list[float]:
        return self._dialled_at.items

    @asynccontextmanager
    async def dial(self) -> AsyncIterator[Connection]:
        self._dialled_at.add(asyncio.get_running_loop().time())
        if self.trouble:
            raise self.trouble
        connection = FakeConnection()
        self._connections.put_nowait(connection)
        try:
            yield connection
        finally:
            connection.closed = True

    async def connection(self) -> FakeConnection:
        """Return the next connection that is made."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._connections.get()

    async def dialled(self, count: int) -> list[float]:
        """Return when it was dialled, once it was so often."""
        await self._dialled_at.until(lambda: len(self.dialled_at) >= count)
        return self.dialled_at


class Starter:
    """Makes the process the cloud at once; `others_first` says how often another process is first."""

    def __init__(self, cloud: FakeCloud, others_first: int = 0) -> None:
        self.takes_over: list[bool] = []
        self.running = False
        self._cloud = cloud
        self._others_first = others_first

    @asynccontextmanager
    async def __call__(self, take_over: bool) -> AsyncIterator[None]:
        self.takes_over.append(take_over)
        if len(self.takes_over) <= self._others_first:
            raise Unreachable("another was first")
        self._cloud.trouble, self.running = None, True
        try:
            yield
        finally:
            self.running = False


class Desk:
    """A listener, what it reports, and the receiver it forwards to: it answers while its `gate` is open.

    What it gets a second time it takes as `repeats` says. While it is `down` it refuses, and what it has in its hands
    then it breaks off when the gate opens, like the ids in `broken_off`.
    """

    def __init__(
        self,
        cloud: FakeCloud,
        *,
        start_cloud: Starter | None = None,
        concurrency: int = 4,
        jitter: float = 0.0,
        retry_speed: float | None = None,
        holds: bool = True,
        most: int | None = None,
        wanted: Hello | None = None,
        chaos: Chaos | None = None,
    ) -> None:
        self.cloud = cloud
        self.failing = False
        self.repeats: Literal["answered", "failed", "hung"] = "answered"
        self.forwarding: list[str] = []
        self.down = False
        self.broken_off: set[str] = set()
        self.looked_at: list[float] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.room = asyncio.Event()
        self.room.set()
        self.body = b""
        self.unspeakable: Exception | None = None
        self._seen: Growing[Activity] = Growing()
        self.listener = Listener(
            ListenerProtocol(
                wanted or Hello("http://app", ("*",), concurrency + QUEUED_BEYOND_SLOTS, retry_speed=retry_speed),
                concurrency=concurrency,
                most=most,
                set_aside=chaos is not None,
            ),
            Surroundings(
                dial=cloud.dial,
                forward=self._forward,
                ready=_ready,
                report=self._report,
                room=self._room,
                start_cloud=start_cloud,
                clock=asyncio.get_running_loop().time,
                now_ms=lambda: 0,
                random=lambda: jitter,
                app=App("http://app", "app:80", holds, self._look, self._hint),
                chaos=chaos,
            ),
        )

    @property
    def seen(self) -> list[Activity]:
        return self._seen.items

    def of(self, kind: type[ActivityKind]) -> list[ActivityKind]:
        return [activity for activity in self.seen if isinstance(activity, kind)]

    async def see(self, kind: type[ActivityKind], count: int = 1) -> list[ActivityKind]:
        """Return what was reported of this kind, once there are so many."""
        await self._seen.until(lambda: len(self.of(kind)) >= count)
        return self.of(kind)

    def _report(self, activity: Activity) -> None:
        if self.unspeakable and isinstance(activity, Forwarded):
            raise self.unspeakable
        self._seen.add(activity)

    def _room(self) -> Awaitable[object] | None:
        return None if self.room.is_set() else self.room.wait()

    async def _look(self) -> Look:
        self.looked_at.append(asyncio.get_running_loop().time())
        return "refuses" if self.down else "answers"

    async def _hint(self) -> str | None:
        return "look elsewhere"

    def _forward(self, delivery: Delivery, done: Done, spawn: Spawn) -> Cancelable:
        is_repeat = delivery.delivery_id in self.forwarding
        self.forwarding.append(delivery.delivery_id)
        if is_repeat and self.repeats == "hung":
            return spawn(_hang())
        if self.gate.is_set() or self.down:  # from a callback, as on a kept connection
            return asyncio.get_running_loop().call_soon(self._answer, delivery, done)
        return spawn(self._answer_later(delivery, done))

    async def _answer_later(self, delivery: Delivery, done: Done) -> None:
        await self.gate.wait()
        self._answer(delivery, done, "broken")

    def _answer(self, delivery: Delivery, done: Done, unanswered: Unanswered = "refused") -> None:
        without = unanswered if self.down or delivery.delivery_id in self.broken_off else None
        is_repeat = self.forwarding.count(delivery.delivery_id) > 1
        error = without or ("failed" if self.failing or (is_repeat and self.repeats == "failed") else None)
        status = None if without else 200
        done(
            Result(delivery.delivery_id, delivery.attempt, not error, status, error, 0, 1.0, body=self.body),
            _forwarded(delivery, status, error, "try https" if without == "broken" else None),
            without,
        )


@asynccontextmanager
async def connected(desk: Desk, **welcome: int) -> AsyncIterator[FakeConnection]:
    """Run the listener and let it in; it is stopped at the end."""
    async with asyncio.TaskGroup() as group:
        group.create_task(desk.listener.run())
        connection = await desk.cloud.connection()
        await connection.welcome("ses_1", resumed=False, **welcome)
        await desk.see(Ready)
        yield connection
        desk.listener.stop()


async def error_of(listener: Listener) -> CstarError:
    """Return what ends the listener."""
    try:
        await listener.run()
    except* CstarError as group:
        error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, CstarError)
    return error


async def _hang() -> None:
    await asyncio.Event().wait()


def _ready(session_id: str, embedded: bool) -> Ready:
    return Ready("http://app", "whsec_test", "http://cloud", "team", session_id, embedded, ())


def _forwarded(delivery: Delivery, status: int | None, error: str | None, hint: str | None) -> Forwarded:
    return Forwarded(
        time_ms=0,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        delivery_id=delivery.delivery_id,
        attempt=delivery.attempt,
        url="http://app",
        status=status,
        duration_ms=1.0,
        outcome="failed" if error else "succeeded",
        error=error,
        response_body=b"",
        hint=hint,
    )
