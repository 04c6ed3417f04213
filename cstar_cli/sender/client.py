"""The sender: one post in, one Outcome out."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from cstar_cli.sender.answer import AnswerReader
from cstar_cli.sender.connect import Allow, Connector, Unconnected
from cstar_cli.sender.connection import Connection, Ending
from cstar_cli.sender.deadlines import Clock, Deadlines
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.parse import best_reader
from cstar_cli.sender.pool import Origin, Pool
from cstar_cli.sender.posting import Begun, Cancelable, Post, Spawn
from cstar_cli.sender.request import compose
from cstar_cli.sender.resolve import Resolve, SystemResolver
from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import SYSTEM, Trust
from cstar_cli.sender.verdict import WELL, unanswered, why

_COMPLETE: Final = Ending.COMPLETE  # by its own name, since Python 3.11 looks up members slowly


class Sender:
    """Posts events; safe for any number of posts at once, within one event loop.

    `max_connections` bounds the idle connections kept, not the posts in flight: the caller holds the slots. `allow`
    says of each resolved address whether it may be connected to; without it, all may. `trust` says whose certificates
    are taken; without it, those of the system's authorities. The other arguments have their
    defaults for everything but tests.
    """

    def __init__(
        self,
        *,
        max_connections: int,
        allow: Allow | None = None,
        trust: Trust = SYSTEM,
        resolve: Resolve | None = None,
        reader: type[AnswerReader] | None = None,
        idle_timeout_s: float = 30.0,
        clock: Clock = time.perf_counter,
    ) -> None:
        self._reader = reader or best_reader()
        self._pool = Pool(max_connections, idle_timeout_s, clock)
        self._connector = Connector(resolve or SystemResolver(), allow, clock, trust, self._make)
        self._clock = clock
        self._deadlines = Deadlines(clock)
        self._open: set[Connection] = set()
        self._closed = False
        self._all_lost = asyncio.Event()

    async def post(
        self, target: Target, headers: Sequence[tuple[str, str]], body: bytes, timeout_s: float | None
    ) -> Outcome:
        """Post once, and say what came of it; `timeout_s` is for the whole exchange, None for no limit.

        Raises ValueError for headers that can't be sent, and otherwise nothing.
        """
        post = self._post_of(target, headers, body, timeout_s)
        kept = self._pool.take(target.origin, post.started)
        if kept is not None:
            outcome = self._settle(kept, await self._exchange(kept, post), post)
            if outcome is not None:
                return outcome
        return await self._post_anew(post)

    async def post_slowly(
        self,
        target: Target,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        timeout_s: float | None,
        *,
        pieces: int,
        pause_s: float,
    ) -> Outcome:
        """Post like `post`, on a connection of its own, the body in so many pieces with a pause before each."""
        from cstar_cli.sender.trickle import exchange_slowly, pieces_of  # late: nothing that delivers needs it

        post = self._post_of(target, headers, body, timeout_s)
        parts = pieces_of(post.request, len(body), pieces)
        return await self._post_anew(
            post, lambda connection: exchange_slowly(connection, parts, pause_s, post.deadline)
        )

    def begin(
        self,
        target: Target,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        timeout_s: float | None,
        *,
        done: Callable[[Outcome], None],
        spawn: Spawn,
    ) -> Cancelable:
        """Post like `post`, but tell `done`, later, what came of it: that takes no task where a connection is kept.

        `spawn` starts the task that it takes otherwise. `done` isn't called after `cancel`.
        """
        post = self._post_of(target, headers, body, timeout_s)
        begun = Begun(post, self._settle, self._post_anew, done, spawn)
        begun.start(self._pool.take(target.origin, post.started))
        return begun

    async def look(self, target: Target, timeout_s: float) -> Unconnected | None:
        """Connect and hang up at once, as nothing is posted; return why that failed, None where it didn't."""
        try:
            connection = await self._connector.connect(target, self._clock() + timeout_s)
        except TimeoutError:
            return Unconnected(Failure.TIMEOUT, f"no connection within {timeout_s:g} s")
        if isinstance(connection, Unconnected):
            return connection
        connection.abort()
        return None

    async def close(self) -> None:
        """Close every connection; posts in flight end as cut off, and so does any later one."""
        self._closed = True
        self._pool.close()
        for connection in list(self._open):
            connection.abort()
        if self._open:
            self._all_lost.clear()
            await self._all_lost.wait()
        self._deadlines.close()

    def _post_of(
        self, target: Target, headers: Sequence[tuple[str, str]], body: bytes, timeout_s: float | None
    ) -> Post:
        request = compose(target, headers, body)
        started = self._clock()
        return Post(target, request, started, timeout_s, None if timeout_s is None else started + timeout_s)

    async def _post_anew(
        self, post: Post, exchange: Callable[[Connection], Awaitable[Ending]] | None = None
    ) -> Outcome:
        """Post on a connection of its own, kept afterwards; `exchange` says how, where it isn't as usual."""
        try:
            connection = await self._connector.connect(post.target, post.deadline)
        except TimeoutError:
            connection = Unconnected(Failure.TIMEOUT, f"no connection within {post.timeout_s:g} s")
        connected_ms = (self._clock() - post.started) * 1000
        if isinstance(connection, Unconnected):
            return unanswered(connection, connected_ms)
        if self._closed:
            connection.abort()
        ending = await self._exchange(connection, post, exchange)
        return self._outcome(connection, ending, post, connected_ms)

    async def _exchange(
        self, connection: Connection, post: Post, exchange: Callable[[Connection], Awaitable[Ending]] | None = None
    ) -> Ending:
        try:
            if exchange is not None:
                return await exchange(connection)
            return await connection.exchange(post.request, post.deadline)
        except BaseException:
            connection.abort()
            raise

    def _settle(self, kept: Connection, ending: Ending, post: Post) -> Outcome | None:
        """Return what came of a post on a kept connection, None where that was stale and the post goes again."""
        if ending is not _COMPLETE and ending is Ending.CLOSED and not kept.reader.started and not self._closed:
            return None
        return self._outcome(kept, ending, post, None)

    def _outcome(self, connection: Connection, ending: Ending, post: Post, connect_ms: float | None) -> Outcome:
        failure, detail, tls = WELL if ending is _COMPLETE else why(connection, ending, post.timeout_s)
        now = self._clock()
        reader, first_byte_at = connection.reader, connection.first_byte_at
        outcome = Outcome(
            status=reader.status,
            headers=() if reader.status is None else tuple(reader.headers),
            body=reader.body,
            failure=failure,
            detail=detail,
            connect_ms=connect_ms,
            first_byte_ms=None if first_byte_at is None else (first_byte_at - post.started) * 1000,
            duration_ms=(now - post.started) * 1000,
            tls=tls,
        )
        if connection.reusable:
            self._pool.give(connection, now)
        else:
            connection.abort()
        return outcome

    def _make(self, origin: Origin, loop: asyncio.AbstractEventLoop) -> Connection:
        return Connection(origin, self._reader(), loop, self._clock, self._deadlines, self._open.add, self._lost)

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._pool.discard(connection)
        if not self._open:
            self._all_lost.set()
