"""Listeners by the thousand, in this process: each holds a tunnel to a node, and says when it has an event."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import urlsplit

from benchmarks.mock.websocket import BINARY, Reader, masked
from benchmarks.node import Node
from cstar_cli.protocol.frames import SUBPROTOCOL, Delivery, Frame, Heartbeat, Hello, Result, Welcome, decode, encode

CONNECTING = 50
CONNECT_S = 120.0
HEARTBEAT_S = 4.0


class Crowd:
    """So many listeners; `got` is when each of them got something last."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.listeners: list[_Listener] = []
        self.got: list[float] = []
        self._wanted = 0
        self._all_there = asyncio.Event()

    async def join(self, count: int) -> None:
        """Connect so many more."""
        at_once = asyncio.Semaphore(CONNECTING)

        async def connect() -> None:
            async with at_once:
                listener = _Listener(self)
                port = urlsplit(self.node.address).port or 80
                await asyncio.get_running_loop().create_connection(lambda: listener, "127.0.0.1", port)
                await listener.welcomed.wait()
                self.listeners.append(listener)

        async with asyncio.timeout(CONNECT_S), asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(connect())

    def expect(self, count: int) -> None:
        """Begin to count what arrives."""
        self._wanted, self.got = count, []
        self._all_there.clear()

    async def all_there(self) -> None:
        """Wait for all that was expected, then have everyone answer."""
        async with asyncio.timeout(CONNECT_S):
            await self._all_there.wait()
        for listener in self.listeners:
            listener.answer()

    def arrived(self, count: int) -> None:
        self.got += [time.perf_counter()] * count
        if len(self.got) >= self._wanted:
            self._all_there.set()

    async def beat(self) -> None:
        """Keep everyone's connection alive."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for listener in self.listeners:
                listener.say(Heartbeat())


class _Listener(asyncio.Protocol):
    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._reader: Reader | None = None
        self._seen = b""
        self._unanswered: list[Delivery] = []
        self.welcomed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        node = self._crowd.node
        self._transport.write(
            f"GET {node.team}/tunnel HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {node.token}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        if self._reader is None:
            self._seen += data
            head, blank, data = self._seen.partition(b"\r\n\r\n")
            if not blank:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._reader = Reader()
            self.say(Hello(forward_to="http://localhost/", events=("*",), window=64))
        for message in self._reader.feed(data):
            self._hear(message)

    def _hear(self, message: bytes) -> None:
        frames = decode(message)
        deliveries = [frame for frame in frames if isinstance(frame, Delivery)]
        if deliveries:
            self._unanswered += deliveries
            self._crowd.arrived(len(deliveries))
        elif any(isinstance(frame, Welcome) for frame in frames):
            self.welcomed.set()

    def answer(self) -> None:
        """Say that all of it went well."""
        now_ms = round(time.time() * 1000)
        done = [Result(each.delivery_id, each.attempt, True, 200, None, now_ms, 1.0) for each in self._unanswered]
        self._unanswered.clear()
        if done:
            self.say(*done)

    def say(self, *frames: Frame) -> None:
        self._transport.write(masked(BINARY, encode(frames)))

    def leave(self) -> None:
        self._transport.abort()


@asynccontextmanager
async def crowd_at(node: Node) -> AsyncIterator[Crowd]:
    """Have a crowd at a node, empty at first."""
    crowd = Crowd(node)
    beating = asyncio.create_task(crowd.beat())
    try:
        yield crowd
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
        for listener in crowd.listeners:
            listener.leave()


def allow_many_files() -> None:
    """Let this process have as many connections as the system allows."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
