"""One websocket over websockets' sans-I/O core: nothing stands between a socket's bytes and who waits for them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn, cast

from websockets.client import ClientProtocol
from websockets.frames import DATA_OPCODES, Frame
from websockets.protocol import CONNECTING, OPEN, Event

from cstar_cli.framing import masked
from cstar_cli.tunnel.cutting import Cutter

CLOSE_S = 1.0
MOST_QUEUED = 4
_HEAD_ENDS = b"\r\n\r\n"

Take = Callable[[bytes], Awaitable[object] | None]
"""Takes a message; returns None, or what to wait for before the next."""


class Websocket(asyncio.Protocol):
    """A client's websocket. `opened` is done when the server has agreed, or holds why it hasn't.

    `read` and what `send` returns raise ConnectionClosed once it is gone. While `MOST_QUEUED` messages wait, no more
    are read.
    """

    def __init__(self, core: ClientProtocol, headers: Mapping[str, str]) -> None:
        self._core = core
        self._headers = headers
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._cutter = Cutter()
        self._last = b""  # of the answer's head, as far as it may be the beginning of its end
        self._parts: list[bytes] = []
        self._messages: deque[bytes] = deque()
        self._awaited: asyncio.Future[Awaitable[object] | None] | None = None
        self._take: Take | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = asyncio.Event()
        self._deaf = False
        self._closing: asyncio.TimerHandle | None = None
        self.opened: asyncio.Future[None] = self._loop.create_future()

    async def read(self, take: Take) -> NoReturn:
        """Hand over each message in the very call that brings it: waking a task for it takes longer than its bytes."""
        self._take = take
        while True:
            if self._messages:
                wait = take(self._messages.popleft())
                if not self._messages and self._transport is not None:
                    self._transport.resume_reading()
            elif self._lost.is_set():
                raise self._core.close_exc
            else:
                self._awaited = self._loop.create_future()
                wait = await self._awaited
            if wait is not None:
                await wait

    def send(self, message: bytes) -> Awaitable[None] | None:
        """Send a message; return None, or what to wait for before the next while the system has no room."""
        if self._core.state is OPEN and self._transport is not None:
            self._transport.write(masked(message))
            if self._writable.is_set():
                return None
        return self._drained()

    async def close(self) -> None:
        """Say goodbye, and wait for the answer a moment; what comes before it is nobody's any more."""
        if self._transport is None or self._lost.is_set():
            return
        self._deaf = True
        self._messages.clear()
        self._transport.resume_reading()
        if self._core.state is OPEN:
            self._core.send_close()
            self._flush()
        self._give_time()
        await self._lost.wait()

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, since uvloop's transports are no asyncio.Transport by class.
        self._transport = cast(asyncio.Transport, transport)
        request = self._core.connect()
        request.headers.update(self._headers)
        self._core.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        if self._core.state is CONNECTING:
            data = self._answered(data)
        # A whole message, as each event is, goes past the core: that looks at all a frame can be, which takes longer
        # than to sign the event and to compose its post.
        for frame, head_bytes in self._cutter.cut(data):
            if head_bytes and not self._parts and self._core.state is OPEN:
                self._hand_over(frame[head_bytes:])
            else:
                self._parse(frame)

    def _answered(self, data: bytes) -> bytes:
        """Take the server's answer to our request; return the beginning of its frames."""
        seen = self._last + data
        end = seen.find(_HEAD_ENDS) + len(_HEAD_ENDS) - len(self._last) if _HEAD_ENDS in seen else len(data)
        self._last = seen[1 - len(_HEAD_ENDS) :]
        self._parse(data[:end])
        if self._core.state is OPEN:
            return data[end:]
        self._parse(data[end:])  # a refusal's body
        return b""

    def _parse(self, data: bytes) -> None:
        self._core.receive_data(data)
        self._flush()
        for event in self._core.events_received():
            self._heard(event)

    def eof_received(self) -> None:
        self._core.receive_eof()
        self._flush()
        self._give_time()

    def connection_lost(self, exc: Exception | None) -> None:
        self._core.receive_eof()
        if self._closing is not None:
            self._closing.cancel()
        if not self.opened.done():
            self.opened.set_exception(self._core.handshake_exc or exc or EOFError())
        self._lost.set()
        self._writable.set()
        self._wake(None)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def _drained(self) -> None:
        await self._writable.wait()
        if self._core.state is not OPEN:
            await self._lost.wait()
            raise self._core.close_exc

    def _heard(self, event: Event) -> None:
        if not isinstance(event, Frame):
            if not self.opened.done():
                refusal = self._core.handshake_exc
                self.opened.set_exception(refusal) if refusal else self.opened.set_result(None)
        elif event.opcode in DATA_OPCODES and not self._deaf:
            self._parts.append(bytes(event.data))
            if event.fin:
                message = b"".join(self._parts)
                self._parts.clear()
                self._hand_over(message)

    def _hand_over(self, message: bytes) -> None:
        if self._take is None or self._awaited is None or self._awaited.done():
            self._messages.append(message)
            if len(self._messages) >= MOST_QUEUED and self._transport is not None:
                self._transport.pause_reading()
            return
        try:
            wait = self._take(message)
        except Exception as error:  # for who reads
            self._awaited.set_exception(error)
            return
        if wait is not None:
            self._wake(wait)

    def _wake(self, wait: Awaitable[object] | None) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(wait)

    def _flush(self) -> None:
        assert self._transport
        for data in self._core.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
        if self._core.close_expected():
            self._give_time()

    def _give_time(self) -> None:
        """Let the connection end by itself, for so long: a peer that reads no more would keep it open for ever."""
        if self._closing is None and self._transport is not None:
            self._closing = self._loop.call_later(CLOSE_S, self._transport.abort)
