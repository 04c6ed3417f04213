"""`Link`: stays connected for ever, or becomes the cloud; carries frames both ways."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from typing import NoReturn

from msgspec.structs import replace

from cstar_cli.activity import CaughtUp, Disconnected, Notice, Overlap, Reconnected, Unheard
from cstar_cli.backoff import jittered
from cstar_cli.errors import CloudUnreachable, CstarError
from cstar_cli.protocol.commands import ListenerCommand
from cstar_cli.protocol.frames import DEAD_AFTER_S, Frame, Welcome, encode_frame
from cstar_cli.protocol.listener import ListenerProtocol
from cstar_cli.tunnel.connection import Connection, Take, Unreachable
from cstar_cli.tunnel.surroundings import Surroundings

TICK_S = 1.0
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 10.0
START_S = 5.0
MESSAGE_BYTES = 256 * 1024

_UNHEEDED = {
    "only_origin": "--only-mine: all events come",
    "since_ms": "--since: nothing comes from before",
    "latest": "--latest: nothing is skipped",
}

Do = Callable[[Iterable[ListenerCommand]], None]
"""Does what the protocol says. Raises Unreachable, or CstarError, when the connection is to end."""


class Link:
    """The way to the cloud, which outlives any connection and any cloud process.

    What the cloud says goes to `received`; what the protocol wants done of connecting and of time, to `do`. `lost` is
    called when a connection is no more.
    """

    def __init__(
        self, protocol: ListenerProtocol, around: Surroundings, do: Do, received: Take, lost: Callable[[], None]
    ) -> None:
        self._protocol = protocol
        self._around = around
        self._do = do
        self._received = received
        self._lost = lost
        self._leaving = asyncio.Event()
        self._outbox: deque[bytes] = deque()  # frames, encoded
        self._outbox_filled = asyncio.Event()
        self._started_at = around.clock()
        self._gap: str | None = None
        self._trouble = ""
        self._waits = self._fresh_waits()
        self._took_over = False
        self._embedded = False

    def send(self, frame: Frame) -> None:
        """Send it soon, with those before it."""
        if not self._outbox:
            self._outbox_filled.set()
        self._outbox.append(encode_frame(frame))

    def leave(self) -> None:
        """Come back no more when the connection is gone."""
        self._leaving.set()

    async def stay(self) -> None:
        """Stay connected until it was left. Raises CstarError when there is no point in going on."""
        async with AsyncExitStack() as stack:
            while not self._leaving.is_set():
                try:
                    async with self._around.dial() as connection:
                        await self._converse(connection)
                except Unreachable as gone:
                    self._protocol.lost(self._around.clock())
                    self._outbox.clear()
                    self._lost()
                    if self._leaving.is_set():
                        return
                    try:
                        await self._bridge(gone, stack)
                        continue
                    except Unreachable as still_gone:
                        wait_s = max(next(self._waits), still_gone.wait_s)
                await self._pause(wait_s)

    def accepted(self, welcome: Welcome) -> None:
        """The session stands: say so."""
        self._trouble, self._waits = "", self._fresh_waits()
        self._tell(welcome)
        if welcome.others:
            only_mine = self._protocol.only_mine
            self._around.report(Overlap(welcome.others, welcome.more_others, now=False, only_mine=only_mine))

    def _tell(self, welcome: Welcome) -> None:
        if self._gap is None and not welcome.resumed:
            ready = self._around.ready(welcome.session_id, self._embedded)
            self._around.report(replace(ready, retry_waits_ms=welcome.retry_waits_ms))
            if self._protocol.wants_retries and welcome.retry_waits_ms is None:
                self._around.report(Notice("This cloud makes no retries for a listener: what fails is final."))
            unheeded = self._protocol.unheeded(welcome)
            for wish in unheeded:
                self._around.report(Notice(f"This cloud is too old for {_UNHEEDED[wish]}."))
            if (since_ms := self._protocol.wanted.since_ms) is not None and "since_ms" not in unheeded:
                self._around.report(CaughtUp(since_ms, welcome.waiting, welcome.oldest_ms, welcome.newest_ms))
            elif welcome.unheard and welcome.oldest_ms is not None and welcome.newest_ms is not None:
                self._around.report(Unheard(welcome.unheard, welcome.oldest_ms, welcome.newest_ms))
            return
        self._around.report(
            Reconnected(
                time_ms=self._around.now_ms(),
                missed=welcome.waiting,
                resumed=welcome.resumed,
                took_over=self._took_over,
                session_id=welcome.session_id,
                oldest_ms=welcome.oldest_ms,
                newest_ms=welcome.newest_ms,
                skipped=welcome.skipped,
            )
        )
        self._gap, self._took_over = None, False

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
