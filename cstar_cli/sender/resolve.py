"""Name lookups, off the event loop."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""From host and port to the addresses to try, in order; raises OSError or UnicodeError as getaddrinfo does."""


class SystemResolver:
    """Asks the system; lookups of one name that come while it is being looked up share the answer.

    A lookup can't be cut off and holds a thread until the system gives up: without sharing, one name whose server
    hangs would soon hold all threads, and with them the lookups of every other name.
    """

    def __init__(self) -> None:
        self._running: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def __call__(self, host: str, port: int) -> list[str]:
        if _is_address(host):
            return [host]
        key = host, port
        lookup = self._running.get(key)
        if lookup is None:
            lookup = asyncio.get_running_loop().run_in_executor(None, _look_up, host, port)
            self._running[key] = lookup
            lookup.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(lookup)


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def _is_address(host: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except OSError:
        return False
    return True
