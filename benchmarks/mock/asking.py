"""Requests to a node of ours over kept connections, one at a time on each; nothing of an answer is looked at twice."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import urlsplit

from benchmarks.mock.rate import Rate

ANSWER_S = 60.0
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def request(method: str, path: str, token: str, value: object = None) -> bytes:
    """Return a whole request, for a node on 127.0.0.1."""
    body = b"" if value is None else json.dumps(value, separators=(",", ":")).encode()
    head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


class Asker(asyncio.Protocol):
    """One connection. `answered` gets each whole answer."""

    def __init__(self, answered: Callable[["Asker", bytes], None]) -> None:
        self._answered = answered
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> None:
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        seen = self._seen = self._seen + data if self._seen else data
        end = seen.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        length = _LENGTH.search(seen, 0, end)
        if len(seen) >= end + int(length[1]) if length else seen.endswith(b"\r\n0\r\n\r\n"):
            self._seen = b""
            self._answered(self, seen)

    def close(self) -> None:
        self._transport.close()


@asynccontextmanager
async def asking(
    address: str, connections: int, answered: Callable[[Asker, bytes], None]
) -> AsyncIterator[list[Asker]]:
    """Have so many connections to a node."""
    loop, port = asyncio.get_running_loop(), urlsplit(address).port or 80
    made = [(await loop.create_connection(lambda: Asker(answered), "127.0.0.1", port))[1] for _ in range(connections)]
    try:
        yield made
    finally:
        for asker in made:
            asker.close()


async def ask_once(address: str, request: bytes) -> bytes:
    """Return one answer's body. Raises OSError unless it says success."""
    got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    async with asking(address, 1, lambda _, answer: got.set_result(answer)) as (asker,):
        asker.ask(request)
        async with asyncio.timeout(ANSWER_S):
            return _checked(await got)


async def ask_all(address: str, requests: Iterable[bytes], connections: int) -> Rate:
    """Ask everything, one question a connection at a time; return how fast the answers came."""
    left: Iterator[bytes] = iter(requests)
    done, waiting, over = 0, connections, asyncio.Event()

    def answered(asker: Asker, answer: bytes) -> None:
        nonlocal done, waiting
        _checked(answer)
        done += 1
        following = next(left, None)
        if following is not None:
            asker.ask(following)
            return
        waiting -= 1
        if not waiting:
            over.set()

    async with asking(address, connections, answered) as askers:
        started = time.perf_counter()
        for asker in askers:
            asker.ask(next(left))
        async with asyncio.timeout(10 * ANSWER_S):
            await over.wait()
        return Rate(done, time.perf_counter() - started)


def _checked(answer: bytes) -> bytes:
    if not answer.startswith(b"HTTP/1.1 2"):
        raise OSError(f"the node answered {answer[:200]!r}")
    return answer.partition(b"\r\n\r\n")[2]
