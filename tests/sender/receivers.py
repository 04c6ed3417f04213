"""Receivers of every kind, good and bad, on loopback; and what posts to them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cstar_cli.sender.answer import AnswerReader
from cstar_cli.sender.client import Sender
from cstar_cli.sender.outcome import Outcome
from cstar_cli.sender.target import Target

CERTIFICATE = Path(__file__).with_name("receiver.pem")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEADERS = [("x-cstar-event", "ticket.created")]
BODY = b'{"id":"evt_1"}'

Script = Callable[["Receiver", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
T = TypeVar("T")


@dataclass
class Receiver:
    """A listening receiver, and what it has seen."""

    port: int = 0
    scheme: str = "http"
    socket_path: str | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def target(self, host: str = "127.0.0.1") -> Target:
        if self.socket_path is not None:
            return Target.on_socket(self.socket_path, "/webhook")
        return Target.parse(f"{self.scheme}://{host}:{self.port}/webhook")

    async def read_request(self, reader: asyncio.StreamReader) -> bool:
        """Read one request; False at the end of the stream."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        self.requests.append(head + await reader.readexactly(int(length)))
        self.asked.set()
        return True


@asynccontextmanager
async def receiver(
    script: Script, tls: ssl.SSLContext | None = None, socket_path: str | None = None
) -> AsyncIterator[Receiver]:
    there = Receiver(scheme="https" if tls else "http", socket_path=socket_path)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        there.connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await script(there, reader, writer)
        finally:
            there.left.set()
            writer.transport.abort()
            tasks.discard(task)

    if socket_path is None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        there.port = server.sockets[0].getsockname()[1]
    else:
        server = await asyncio.start_unix_server(serve, socket_path)
    try:
        yield there
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(*chunks: bytes) -> Script:
    """Answer every request with these bytes, and keep the connection."""

    async def script(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await there.read_request(reader):
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()

    return script


def answering_once(*chunks: bytes) -> Script:
    """Answer one request with these bytes and close."""

    async def script(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await there.read_request(reader)
        for chunk in chunks:
            writer.write(chunk)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return script


def repeating(start: bytes, again: bytes, pause_s: float = 0) -> Script:
    """Answer with a start, and then the same bytes for ever."""

    async def script(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await there.read_request(reader)
        writer.write(start)
        while not writer.is_closing():
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return script


class BeginningSender(Sender):
    """Posts through `begin`, to which the same must happen as to `post`."""

    async def post(
        self, target: Target, headers: Sequence[tuple[str, str]], body: bytes, timeout_s: float | None
    ) -> Outcome:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Outcome] = loop.create_future()
        begun = self.begin(target, headers, body, timeout_s, done=done.set_result, spawn=loop.create_task)
        try:
            return await done
        except asyncio.CancelledError:
            begun.cancel()
            raise


@dataclass(frozen=True)
class Setup:
    """One parser on one event loop, and the way to post."""

    reader: type[AnswerReader]
    loop_factory: Callable[[], asyncio.AbstractEventLoop]
    kind: type[Sender] = Sender

    def run(self, scenario: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=self.loop_factory) as runner:
            return runner.run(scenario)

    @asynccontextmanager
    async def sender(self, **settings: Any) -> AsyncIterator[Sender]:
        sender = self.kind(**{"max_connections": 8, "reader": self.reader, **settings})
        try:
            yield sender
        finally:
            await sender.close()

    def post_to(self, script: Script, body: bytes = BODY, timeout_s: float | None = 5.0) -> Outcome:
        """Post once to such a receiver."""
        return self.posts_to(script, 1, body, timeout_s)[0][0]

    def posts_to(
        self, script: Script, posts: int, body: bytes = BODY, timeout_s: float | None = 5.0, **settings: Any
    ) -> tuple[list[Outcome], Receiver]:
        """Post several times, one after the other."""

        async def scenario() -> tuple[list[Outcome], Receiver]:
            async with receiver(script) as there, self.sender(**settings) as sender:
                target = there.target()
                return [await sender.post(target, HEADERS, body, timeout_s) for _ in range(posts)], there

        return self.run(scenario())
