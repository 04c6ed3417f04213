"""Receivers that do what no receiver should, on a thread of their own, until they are told to behave."""

import asyncio
import gzip
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager

from ..sender.receivers import OK, Receiver, Script, answering, receiver, repeating

HEAD = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
DRIP_S = 0.1


async def hang(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read the request and say nothing until the sender has left."""
    await there.read_request(reader)
    await reader.read()


def gzip_bomb(unpacked_bytes: int) -> Script:
    bomb = gzip.compress(bytes(unpacked_bytes))
    framing = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    return answering(HEAD + framing, bomb)


def dripping(start: bytes, drop: bytes, pause_s: float = DRIP_S) -> Script:
    return repeating(start, drop, pause_s)


class Hostile:
    """One such receiver; `held_s` are the times from a connection's start to its end."""

    def __init__(self, script: Script) -> None:
        self.url = ""
        self.held_s: list[float] = []
        self._script = script
        self._behaves = False

    def behave(self) -> None:
        """Answer 200 from now on."""
        self._behaves = True

    async def follow(self, there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        if self._behaves:
            return await answering(OK)(there, reader, writer)
        began = time.monotonic()
        try:
            await self._script(there, reader, writer)
        finally:
            self.held_s.append(time.monotonic() - began)


@contextmanager
def hosting(receivers: Sequence[Hostile]) -> Iterator[None]:
    """Let them receive within the `with`, each on a port of its own."""
    listening, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def host() -> None:
        async with AsyncExitStack() as stack:
            for hostile in receivers:
                there = await stack.enter_async_context(receiver(hostile.follow))
                hostile.url = f"http://127.0.0.1:{there.port}/"
            listening.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[host()], daemon=True)
    thread.start()
    try:
        assert listening.wait(10)
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
