"""Name lookups, off the event loop."""

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""From host and port to the addresses to try, in order; raises OSError or UnicodeError as getaddrinfo does."""

_Key = tuple[str, int]
_Found = list[str] | OSError | UnicodeError

MOST_LOOKUPS = 128


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class SystemResolver:
    """Asks the system; lookups of one name that come while it is being looked up share the answer.

    A lookup can't be cut off and holds a thread until the system gives up: without sharing, one name whose server
    hangs would soon hold all threads, and with them the lookups of every other name. The threads are our own: those
    that asyncio has are a handful for everybody, and a program that ends waits for them.
    """

    def __init__(self, look_up: Callable[[str, int], list[str]] = _look_up, most_lookups: int = MOST_LOOKUPS) -> None:
        self._look_up = look_up
        self._free = most_lookups
        self._asked: dict[_Key, asyncio.Future[_Found]] = {}
        self._waiting: deque[_Key] = deque()

    async def __call__(self, host: str, port: int) -> list[str]:
        if _is_address(host):
            return [host]
        key = host, port
        lookup = self._asked.get(key)
        if lookup is None:
            loop = asyncio.get_running_loop()
            lookup = self._asked[key] = loop.create_future()
            self._waiting.append(key)
            self._start(loop)
        found = await asyncio.shield(lookup)
        if isinstance(found, Exception):
            raise found
        return found

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting and self._free:
            key = self._waiting.popleft()
            try:
                threading.Thread(target=self._work, args=(loop, key), name="cstar-lookup", daemon=True).start()
            except RuntimeError as error:  # the system has no thread to give
                self._asked.pop(key).set_result(OSError(str(error)))
            else:
                self._free -= 1

    def _work(self, loop: asyncio.AbstractEventLoop, key: _Key) -> None:
        found: _Found
        try:
            found = self._look_up(*key)
        except (OSError, UnicodeError) as error:
            found = error
        with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(self._answer, loop, key, found)

    def _answer(self, loop: asyncio.AbstractEventLoop, key: _Key, found: _Found) -> None:
        self._asked.pop(key).set_result(found)
        self._free += 1
        self._start(loop)


def _is_address(host: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except OSError:
        return False
    return True
