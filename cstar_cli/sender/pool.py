"""Idle keep-alive connections, by origin."""

import asyncio

from cstar_cli.sender.connection import Connection
from cstar_cli.sender.deadlines import Clock

Origin = tuple[str, str, int]


class Pool:
    """Keeps at most `size` idle connections, each at most `idle_timeout_s`; past either, the oldest goes first."""

    def __init__(self, size: int, idle_timeout_s: float, clock: Clock) -> None:
        self._size = size
        self._idle_timeout_s = idle_timeout_s
        self._clock = clock
        self._by_origin: dict[Origin, list[Connection]] = {}
        self._oldest_first: dict[Connection, None] = {}
        self._sweep_timer: asyncio.TimerHandle | None = None

    def take(self, origin: Origin, now: float) -> Connection | None:
        """Return the connection of this origin that was used last, which is the least likely to be stale."""
        kept = self._by_origin.get(origin)
        while kept:
            connection = kept.pop()
            del self._oldest_first[connection]
            if not kept:
                del self._by_origin[origin]
            if not connection.closing and now - connection.idle_since < self._idle_timeout_s:  # no call for each post
                return connection
            connection.abort()
        return None

    def give(self, connection: Connection, now: float) -> None:
        """Keep a connection for later."""
        if self._size == 0:
            connection.abort()
            return
        if len(self._oldest_first) >= self._size:
            self._drop(next(iter(self._oldest_first)))
        connection.idle_since = now
        self._oldest_first[connection] = None
        self._by_origin.setdefault(connection.origin, []).append(connection)
        if self._sweep_timer is None:
            self._sweep_timer = connection.loop.call_later(self._idle_timeout_s, self._sweep, connection.loop)

    def discard(self, connection: Connection) -> None:
        """Forget a connection, if it is kept here."""
        if connection not in self._oldest_first:
            return
        del self._oldest_first[connection]
        kept = self._by_origin[connection.origin]
        if kept[-1] is connection:  # as it is when it is taken: no look at all the others then
            kept.pop()
        else:
            kept.remove(connection)
        if not kept:
            del self._by_origin[connection.origin]

    def close(self) -> None:
        """Let go of everything; a connection given from now on isn't kept."""
        self._size = 0
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
            self._sweep_timer = None
        for connection in list(self._oldest_first):
            self._drop(connection)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        # One timer for all: setting and cancelling one at every exchange would be paid on each event.
        now = self._clock()
        self._sweep_timer = None
        for connection in list(self._oldest_first):
            if not self._expired(connection, now):
                break
            self._drop(connection)
        oldest = next(iter(self._oldest_first), None)
        if oldest is not None:
            self._sweep_timer = loop.call_later(oldest.idle_since + self._idle_timeout_s - now, self._sweep, loop)

    def _expired(self, connection: Connection, now: float) -> bool:
        return now - connection.idle_since >= self._idle_timeout_s

    def _drop(self, connection: Connection) -> None:
        self.discard(connection)
        connection.abort()
