"""A mock service and a receiver around one tool, and the loads that are put on it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from benchmarks.mock.events import event_body, number_of
from benchmarks.mock.rate import Rate
from benchmarks.mock.receiver import Receiver
from benchmarks.mock.services import Request, Service

HOST = "127.0.0.1"
PATIENCE_S = 60.0


class Stage:
    """What one tool sees of the world. An event is through when its tool says so, or else when the receiver has it."""

    def __init__(self, make_service: Callable[[bytes, str], Service], body: bytes) -> None:
        self._make_service = make_service
        self._body = body
        self._sent = self._done = 0
        self._through: Callable[[int], None] = lambda _: None
        self._arrived: Callable[[bytes], float] = lambda _: 0.0
        self._streams: list[_Stream] = []
        self.service_port = self.receiver_port = 0
        self.connected = asyncio.Event()
        self.connected_at = 0.0
        self._receivers: list[Receiver] = []
        self.received = 0
        self.window: int | None = None

    async def serve(self) -> list[asyncio.Server]:
        loop = asyncio.get_running_loop()
        service = await loop.create_server(lambda: _Stream(self), HOST, 0)
        self.service_port = service.sockets[0].getsockname()[1]
        self.service = self._make_service(self._body, self.base)
        receiver = await loop.create_server(self._receiver, HOST, 0, backlog=1024)
        self.receiver_port = receiver.sockets[0].getsockname()[1]
        return [service, receiver]

    @property
    def base(self) -> str:
        return f"http://{HOST}:{self.service_port}"

    @property
    def receiver(self) -> str:
        return f"http://{HOST}:{self.receiver_port}"

    @property
    def connections(self) -> int:
        """How many connections events were posted on."""
        return sum(each.was_used for each in self._receivers)

    async def in_flight(self, count: int, seconds: float) -> Rate:
        """Keep so many events in flight for so long, then wait for the last."""
        until = time.perf_counter() + seconds
        return await self._keep(count, lambda: 0 if time.perf_counter() >= until else None)

    async def burst(self, count: int) -> Rate:
        """Have so many events ready at once: all are sent, or as many at a time as the tool asks for."""
        first = self._sent
        return await self._keep(count, lambda: first + count - self._sent)

    async def paced(self, per_s: float, count: int, slow: dict[int, float] | None = None) -> list[float]:
        """Send so many a second; return how long each took to the receiver, which answers the `slow` ones late.

        `slow` maps the place in the row, from 0, to the seconds until the answer.
        """
        first, got, sent = self._sent, dict[int, float](), dict[int, float]()
        kept = {first + place: wait_s for place, wait_s in (slow or {}).items()}
        all_there = asyncio.Event()

        def arrived(start: bytes) -> float:
            number = number_of(start)
            got.setdefault(number, time.perf_counter())
            if len(got) == count:
                all_there.set()
            return kept.get(number, 0.0)

        self._arrived = arrived
        started = time.perf_counter()
        for place in range(count):
            await asyncio.sleep(max(0.0, started + place / per_s - time.perf_counter()))
            sent[first + place] = time.perf_counter()
            self._send(1)
        async with asyncio.timeout(PATIENCE_S):
            await all_there.wait()
        self._arrived = lambda _: 0.0
        return [got[number] - sent_at for number, sent_at in sent.items()]

    def cut(self) -> None:
        """Cut every stream without a word."""
        self.connected.clear()
        for stream in self._streams:
            stream.transport.abort()

    async def _keep(self, count: int, more: Callable[[], int | None]) -> Rate:
        """Have `count` in flight; `more` says how many may still be sent, None for any number."""
        first, finished = self._done, asyncio.Event()

        def through(number: int) -> None:
            left = more()
            again = number if left is None else min(number, left)
            if again:
                self._send(again)
            elif self._done == self._sent:
                finished.set()

        self._through = through
        started = time.perf_counter()
        self._send(min(count, self.window or count))
        async with asyncio.timeout(PATIENCE_S):
            await finished.wait()
        elapsed_s = time.perf_counter() - started
        self._through = lambda _: None
        return Rate(self._done - first, elapsed_s)

    def _send(self, count: int) -> None:
        numbers = range(self._sent, self._sent + count)
        self._sent += count
        self._streams[-1].transport.write(self.service.encode(numbers))

    def _ready(self) -> None:
        self.connected_at = time.perf_counter()
        self.connected.set()

    def _receiver(self) -> Receiver:
        self._receivers.append(Receiver(self._receive))
        return self._receivers[-1]

    def _receive(self, start: bytes) -> float:
        self.received += 1
        wait_s = self._arrived(start)
        if not self.service.acknowledges:
            self._done += 1
            self._through(1)
        return wait_s

    def opened(self, stream: "_Stream") -> None:
        self._streams = [stream]
        if self.service.ready_at_once:
            self._ready()

    def heard(self, data: bytes) -> bytes:
        heard = self.service.hear(data)
        if heard.ready:
            self.window = heard.window
            self._ready()
        if heard.done:
            self._done += heard.done
            self._through(heard.done)
        return heard.answer


class _Stream(asyncio.Protocol):
    """One connection of a tool to its service: requests at first, then the stream."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._streaming = False
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._streaming:
            if answer := self._stage.heard(data):
                self.transport.write(answer)
            return
        self._seen += data
        head, blank, rest = self._seen.partition(b"\r\n\r\n")
        headers = _headers(head)
        if not blank or len(rest) < int(headers.get(b"content-length", b"0")):
            return
        self._seen = b""
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        request = Request(method, path, headers.get(b"sec-websocket-key"))
        answered = self._stage.service.answer(request)
        if answered is not None:
            self.transport.write(answered)
            return
        self._streaming = True
        self.transport.write(self._stage.service.open(request))
        self._stage.opened(self)


def _headers(head: bytes) -> dict[bytes, bytes]:
    pairs = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


@asynccontextmanager
async def stage(make_service: Callable[[bytes, str], Service], body: bytes | None = None) -> AsyncIterator[Stage]:
    """Serve a mock and a receiver on two free ports."""
    made = Stage(make_service, body or event_body())
    servers = await made.serve()
    try:
        yield made
    finally:
        made.cut()
        for server in servers:
            server.close()
