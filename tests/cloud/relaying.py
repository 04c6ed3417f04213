"""Relays over fake sockets and a real store."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from cstar_cli.cloud.beat import Beat, Tick
from cstar_cli.cloud.node import Node
from cstar_cli.cloud.outbox import Gone
from cstar_cli.cloud.relay import Relay
from cstar_cli.cloud.sessions import Sessions
from cstar_cli.cloud.store.queries import AttemptQuery
from cstar_cli.cloud.store.records import AttemptOutcome, Session
from cstar_cli.cloud.store.sqlite.driver import SqliteStore
from cstar_cli.events.wires import DEFAULT
from cstar_cli.protocol.frames import (
    Delivery,
    Frame,
    Heartbeat,
    Hello,
    Result,
    Welcome,
    decode,
    encode,
)

from .flaky import Flaky
from .hurry import hurried_clock
from .store.making import TEAM, URL, Clock, event
from .store.sqlite.databases import migrated

GRACE_S = 120.0

Observe = Callable[[Session, AttemptOutcome], None]


class Pipe:
    """A websocket without a network; while `stuck`, the listener doesn't read."""

    def __init__(self) -> None:
        self._up: list[bytes] = []
        self._down: asyncio.Queue[bytes] = asyncio.Queue()
        self._is_paused = False
        self._arrived: list[Frame] = []
        self.is_writable = True
        self.relay: Relay

    def write(self, message: bytes) -> None:
        self._down.put_nowait(message)

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False
        asyncio.get_running_loop().call_soon(self._flow)

    def say(self, *frames: Frame) -> None:
        self.say_bytes(encode(frames))

    def say_bytes(self, message: bytes) -> None:
        self._up.append(message)
        self._flow()

    def cut(self) -> None:
        self.relay.lost()

    def get_stuck(self) -> None:
        self.is_writable = False

    def read_on(self) -> None:
        self.is_writable = True
        self.relay.writable()

    def sent_bytes(self) -> int:
        return sum(len(self._down.get_nowait()) for _ in range(self._down.qsize()))

    def _flow(self) -> None:
        while self._up and not self._is_paused:
            self.relay.received(self._up.pop(0))

    async def hear(self, count: int = 1) -> list[Frame]:
        """The next frames, without heartbeats."""
        while len(self._arrived) < count:
            frames = decode(await self._down.get())
            self._arrived += [frame for frame in frames if not isinstance(frame, Heartbeat)]
        heard, self._arrived = self._arrived[:count], self._arrived[count:]
        return heard

    async def hear_deliveries(self, count: int) -> list[str]:
        frames = await self.hear(count)
        assert all(isinstance(frame, Delivery) for frame in frames), frames
        return [frame.delivery_id for frame in frames if isinstance(frame, Delivery)]


class HandBeat(Beat):
    """One that beats when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self._ticks: list[Tick] = []

    def join(self, tick: Tick) -> None:
        self._ticks.append(tick)

    def leave(self, tick: Tick) -> None:
        self._ticks.remove(tick)

    def call_all(self) -> None:
        for tick in tuple(self._ticks):
            tick()


class Room:
    """A store, its sessions, and as many relays as a test connects; they see a `flaky` one, which is the same."""

    def __init__(self, store: SqliteStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.flaky = Flaky(store)
        self.sessions = Sessions(self.flaky.as_store, GRACE_S)
        self.observed: list[tuple[str, str]] = []
        self.now = 0.0
        self._tasks: list[asyncio.Task[Gone]] = []
        self._beat = HandBeat()
        self._node = self._node_with(self._clock, self._beat)

    def connect(self, observe: Observe | None = None) -> tuple[Pipe, "asyncio.Task[Gone]"]:
        """Start a relay whose clock is the test's: it beats when `pass_time` says so."""
        return self._start(
            Node(self.flaky.as_store, self.sessions, self._clock, observe, self._beat) if observe else self._node
        )

    def connect_in_loop_time(self) -> tuple[Pipe, "asyncio.Task[Gone]"]:
        return self._start(self._node_with(hurried_clock(), Beat()))

    def _node_with(self, clock: Callable[[], float], beat: Beat) -> Node:
        return Node(self.flaky.as_store, self.sessions, clock, self._observe, beat)

    def _start(self, node: Node) -> tuple[Pipe, "asyncio.Task[Gone]"]:
        pipe = Pipe()
        pipe.relay = Relay(pipe, TEAM, node)
        task = asyncio.ensure_future(pipe.relay.run())
        self._tasks.append(task)
        return pipe, task

    def keep(self, task: "asyncio.Task[Gone]") -> None:
        """End it with the room."""
        self._tasks.append(task)

    def _clock(self) -> float:
        return self.now

    def _observe(self, session: Session, outcome: AttemptOutcome) -> None:
        self.observed.append((session.id, outcome.delivery_id))

    async def opened(self, window: int = 100) -> tuple[Pipe, str]:
        pipe, _ = self.connect()
        pipe.say(hello(window=window))
        [welcome] = await pipe.hear()
        assert isinstance(welcome, Welcome)
        return pipe, welcome.session_id

    async def until_idle(self, tasks: int) -> None:
        """Wait until no more tasks than that are left."""
        while len(asyncio.all_tasks()) > tasks:  # noqa: ASYNC110 (the end of a task is no event)
            await asyncio.sleep(0)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self._beat.call_all()

    async def open(self) -> list[str]:
        """The sessions that an event goes to."""
        return [delivery.target for delivery in await self.store.append_event(event())]

    async def outcomes(self) -> list[tuple[str, str | None]]:
        attempts, _ = await self.store.attempts_after(TEAM, AttemptQuery(), "0", 1000)
        return [(attempt.outcome, attempt.error) for attempt in attempts]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.store.close()


def run(
    folder: Path,
    body: Callable[[Room], Awaitable[None]],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    async def main() -> None:
        clock = Clock()
        room = Room(SqliteStore.open(migrated(folder / "cstar.db"), clock), clock)
        try:
            async with asyncio.timeout(None if loop_factory else 20):
                await body(room)
        finally:
            await room.close()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


def hello(
    session_id: str | None = None,
    *holding: str,
    window: int = 100,
    events: Sequence[str] = (),
    retry_speed: float | None = None,
    wire: str = DEFAULT,
) -> Hello:
    return Hello(URL, tuple(events), window, session_id, holding, retry_speed=retry_speed, wire=wire)


def result(delivery_id: str, succeeded: bool = True, *, attempt: int = 1) -> Result:
    return Result(delivery_id, attempt, succeeded, 200 if succeeded else 500, None, 1, 1.0)


async def append(room: Room, count: int, body: bytes = b"{}") -> list[str]:
    return [delivery.id for _ in range(count) for delivery in await room.store.append_event(event(body=body))]
