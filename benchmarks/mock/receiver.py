"""The local server that every tool posts to: it reads a request to its end, answers 200, and looks at nothing else."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from functools import lru_cache
from typing import cast

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_NUMBER_WITHIN = 64


class Receiver(asyncio.Protocol):
    """One connection of a tool, kept alive.

    `got` hears of each whole request, as the beginning of its body, and says how many seconds to keep the answer.
    `was_used` once there was one: a tool may connect only to see whether anybody is there.
    """

    def __init__(self, got: Callable[[bytes], float]) -> None:
        self._got = got
        self.was_used = False
        self._seen = b""
        self._start = b""
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
            if self._missing <= 0:
                self._answer(self._start)
            return
        seen = self._seen + data if self._seen else data
        end = seen.find(b"\r\n\r\n") + 4
        if end < 4:
            self._seen = seen
            return
        length = int(_LENGTH.search(seen, 0, end)[1])  # type: ignore[index]  # every tool says how long its body is
        missing = end + length - len(seen)
        if missing > 0 and len(seen) - end < _NUMBER_WITHIN:
            self._seen = seen
            return
        self._seen, self._missing, self._start = b"", missing, seen[end : end + _NUMBER_WITHIN]
        if missing <= 0:
            self._answer(self._start)

    def _answer(self, start: bytes) -> None:
        self._missing = 0
        self.was_used = True
        wait_s = self._got(start)
        if wait_s:
            asyncio.get_running_loop().call_later(wait_s, self._write)
        else:
            self._transport.write(answer_of(int(time.time())))

    def _write(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer_of(int(time.time())))


@lru_cache(maxsize=1)
def answer_of(second: int) -> bytes:
    """Return what is answered at this time, with the date that every server says."""
    head = f"HTTP/1.1 200 OK\r\ndate: {formatdate(second, usegmt=True)}\r\ncontent-type: text/plain\r\n"
    return f"{head}content-length: 2\r\n\r\nok".encode()


@asynccontextmanager
async def receiving(got: Callable[[bytes], float]) -> AsyncIterator[str]:
    """Serve on a free port; yields the URL to post to."""
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(got), "127.0.0.1", 0, backlog=1024)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()


class Counter:
    """A receiver's `got` that counts, and waits for a number."""

    def __init__(self) -> None:
        self.count = 0
        self._wanted = 0
        self._there = asyncio.Event()

    def __call__(self, _: bytes) -> float:
        self.count += 1
        if self.count == self._wanted:
            self._there.set()
        return 0.0

    async def reach(self, wanted: int) -> None:
        """Return when so many were received."""
        if self.count < wanted:
            self._wanted = wanted
            self._there.clear()
            await self._there.wait()
