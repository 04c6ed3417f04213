"""`Listener`: stays connected for ever, forwards what comes, drains at the end."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, NoReturn, assert_never

import msgspec

from cstar_cli.activity import Activity, Disconnected, Forwarded, Notice, Ready, Reconnected, Summary
from cstar_cli.backoff import jittered
from cstar_cli.errors import CloudUnreachable, CstarError
from cstar_cli.protocol.commands import Accepted, Forward, HangUp, ListenerCommand, Send
from cstar_cli.protocol.frames import DEAD_AFTER_S, Delivery, Frame, Result, encode_frame
from cstar_cli.protocol.listener import ListenerProtocol
from cstar_cli.tunnel.connection import Connection, Unreachable

if TYPE_CHECKING:
    from cstar_cli.sender.posting import Cancelable, Spawn
    from cstar_cli.tunnel.forwarder import Done

TICK_S = 1.0
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 10.0
START_S = 5.0
DRAIN_S = 10.0
SETTLE_S = 2.0
BYE_S = 3.0
ABORT_S = 0.5
MESSAGE_BYTES = 256 * 1024


class Surroundings(msgspec.Struct, frozen=True):
    """What a listener needs from outside.

    `start_cloud` makes this process the cloud where that is possible (True: in place of the one we used), and raises
    Unreachable when another was first;
    `forward` posts a delivery and calls back, later, starting tasks by what it is given last; `room` is None, or what
    to wait for while whoever shows the outcomes can't keep up; `clock` is monotonic, in seconds.
    """

    dial: Callable[[], AbstractAsyncContextManager[Connection]]
    forward: "Callable[[Delivery, Done, Spawn], Cancelable]"
    ready: Callable[[str, bool], Ready]
    report: Callable[[Activity], None]
    room: Callable[[], Awaitable[object] | None]
    start_cloud: Callable[[bool], AbstractAsyncContextManager[object]] | None
    clock: Callable[[], float]
    now_ms: Callable[[], int]
    random: Callable[[], float]


class Listener:
    """One `cstar listen`: its session outlives any connection and any cloud process."""

    def __init__(self, protocol: ListenerProtocol, around: Surroundings) -> None:
        self._protocol = protocol
        self._around = around
        self._stop = asyncio.Event()
        self._abort = asyncio.Event()
        self._leaving = asyncio.Event()
        self._progress = asyncio.Event()
        self._outbox: deque[bytes] = deque()  # frames, encoded
        self._outbox_filled = asyncio.Event()
        self._forwards: dict[str, Cancelable] = {}
        self._workers: asyncio.TaskGroup | None = None
        self._started_at = around.clock()
        self._gap: str | None = None
        self._trouble = ""
        self._waits = self._fresh_waits()
        self._took_over = False
        self._embedded = False
        self._succeeded = 0
        self._failed = 0

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Take nothing more and finish what is in flight; a second call ends at once."""
        if self._stop.is_set():
            self._abort.set()
        self._stop.set()
        self._progress.set()

    async def run(self) -> Summary:
        """Listen until stopped. Raises CstarError when there is no point in going on."""
        async with asyncio.TaskGroup() as group:
            self._workers = group
            connecting = group.create_task(self._stay_connected())
            await self._stop.wait()
            self._protocol.stop()
            self._progress.set()
            if self._protocol.running:
                self._around.report(Notice(f"Finishing {self._protocol.running} in flight; Ctrl-C again ends at once."))
            unfinished = await self._drain()
            self._leaving.set()
            self._do(self._protocol.goodbye())
            await asyncio.wait({connecting}, timeout=ABORT_S if self._abort.is_set() else BYE_S)
            connecting.cancel()
        return Summary(self._succeeded + self._failed, self._succeeded, self._failed, unfinished)

    async def _stay_connected(self) -> None:
        async with AsyncExitStack() as stack:
            while not self._leaving.is_set():
                try:
                    async with self._around.dial() as connection:
                        await self._converse(connection)
                except Unreachable as gone:
                    self._protocol.lost()
                    self._outbox.clear()
                    if self._leaving.is_set():
                        return
                    try:
                        await self._bridge(gone, stack)
                        continue
                    except Unreachable as still_gone:
                        wait_s = max(next(self._waits), still_gone.wait_s)
                await self._pause(wait_s)

    async def _bridge(self, gone: Unreachable, stack: AsyncExitStack) -> None:
        """Become the cloud, where it has gone and we may. Raises Unreachable when there's nothing but to wait."""
        first = self._protocol.session_id is None
        if first and gone.foreign:
            raise CstarError(f"{gone}: stop it, or use another address with --api-base.")
        if not first and self._gap is None:
            self._gap = str(gone)
            self._around.report(Disconnected(self._around.now_ms(), self._gap))
        if not gone.refused:
            if (first or gone.wait_s) and str(gone) != self._trouble:
                self._trouble = str(gone)
                self._around.report(Notice(f"Not connected: {gone}. Trying again until it works."))
            raise gone
        if self._around.start_cloud is None:
            if first:
                raise CloudUnreachable(f"No cloud answers: {gone}. Check the address, or leave out --api-base.")
            raise gone
        try:
            await stack.enter_async_context(self._around.start_cloud(not first))
        except Unreachable as other_was_first:
            if first and self._around.clock() - self._started_at > START_S:
                raise CstarError(f"{other_was_first}") from other_was_first
            raise
        self._embedded = True
        self._took_over = not first

    async def _converse(self, connection: Connection) -> None:
        """Talk until the connection is gone, which Unreachable says."""
        self._do(self._protocol.connected(self._around.clock()))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(connection.read(self._received))
                group.create_task(self._write(connection))
                group.create_task(self._tick())
        except* Unreachable as gone:
            reason = gone.exceptions[0]
        raise reason

    def _received(self, frames: Sequence[Frame]) -> Awaitable[object] | None:
        self._do(self._protocol.received(frames, self._around.clock()))
        self._progress.set()
        return self._less_queued() if self._protocol.full else None

    async def _less_queued(self) -> None:
        while self._protocol.full:
            self._progress.clear()
            await self._progress.wait()

    async def _write(self, connection: Connection) -> NoReturn:
        while True:
            await self._outbox_filled.wait()
            self._outbox_filled.clear()
            while message := self._next_message():
                drained = connection.send(message)
                if drained is not None:  # seldom: a timeout for each message would be paid on each event
                    await _in_time(drained)

    def _next_message(self) -> bytes:
        """Take what the outbox holds, as far as one message may go: many results at once exceed what a cloud reads."""
        frames: list[bytes] = []
        size = 0
        while self._outbox and size < MESSAGE_BYTES:
            frame = self._outbox.popleft()
            size += len(frame)
            frames.append(frame)
        return b"".join(frames)

    async def _tick(self) -> NoReturn:
        while True:
            await asyncio.sleep(TICK_S)
            self._do(self._protocol.tick(self._around.clock()))

    def _do(self, commands: Iterable[ListenerCommand]) -> None:
        hang_up: HangUp | None = None
        for command in commands:
            match command:
                case Send():
                    if not self._outbox:
                        self._outbox_filled.set()
                    self._outbox.append(encode_frame(command.frame))
                case Forward():
                    self._start_forward(command.delivery)
                case Accepted():
                    self._accepted(command)
                case HangUp():
                    hang_up = command
                case _:
                    assert_never(command)
        if hang_up:  # last: the protocol counts on the commands beside it
            reason = hang_up.reason
            raise Unreachable(reason) if hang_up.retry else CstarError(f"The cloud refuses the session: {reason}")

    def _accepted(self, accepted: Accepted) -> None:
        self._trouble, self._waits = "", self._fresh_waits()
        if self._gap is None and not accepted.resumed:
            self._around.report(self._around.ready(accepted.session_id, self._embedded))
            return
        self._around.report(
            Reconnected(
                time_ms=self._around.now_ms(),
                missed=accepted.waiting,
                resumed=accepted.resumed,
                took_over=self._took_over,
                session_id=accepted.session_id,
            )
        )
        self._gap, self._took_over = None, False

    def _start_forward(self, delivery: Delivery) -> None:
        assert self._workers
        room = self._around.room()
        if room is None:
            self._forward(delivery, self._workers)
        else:
            waiting = self._workers.create_task(self._forward_later(delivery, self._workers, room))
            self._forwards[delivery.delivery_id] = waiting

    async def _forward_later(self, delivery: Delivery, workers: asyncio.TaskGroup, room: Awaitable[object]) -> None:
        await room
        self._forward(delivery, workers)

    def _forward(self, delivery: Delivery, workers: asyncio.TaskGroup) -> None:
        self._forwards[delivery.delivery_id] = self._around.forward(delivery, self._forwarded, workers.create_task)

    def _forwarded(self, result: Result, forwarded: Forwarded) -> None:
        self._forwards.pop(result.delivery_id, None)
        self._succeeded += result.succeeded
        self._failed += not result.succeeded
        try:
            self._do(self._protocol.finished(result, self._around.clock()))
            self._around.report(forwarded)
        except Exception as error:  # a socket's callback, where nobody would hear it: it ends the listener
            assert self._workers
            self._workers.create_task(_fail(error))
        self._progress.set()

    async def _drain(self) -> int:
        """Wait for what is in flight, and for its results to be durable; return how many were given up."""
        await self._until(lambda: not self._protocol.running, DRAIN_S)
        unfinished = self._protocol.running
        for forward in self._forwards.values():
            forward.cancel()
        await self._until(lambda: not self._protocol.unsettled, SETTLE_S)
        return unfinished

    async def _until(self, done: Callable[[], bool], limit_s: float) -> None:
        try:
            async with asyncio.timeout(limit_s):
                while not done() and not self._abort.is_set():
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            return

    def _fresh_waits(self) -> Iterator[float]:
        return jittered(FIRST_WAIT_S, LONGEST_WAIT_S, self._around.random)

    async def _pause(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._leaving.wait()
        except TimeoutError:
            return


async def _in_time(drained: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(DEAD_AFTER_S):
            await drained
    except TimeoutError:
        raise Unreachable("the cloud doesn't read") from None


async def _fail(error: Exception) -> None:
    raise error
