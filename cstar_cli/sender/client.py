"""The sender: one post in, one Outcome out."""

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, assert_never

from cstar_cli.sender.answer import NOT_HTTP, AnswerReader
from cstar_cli.sender.connect import Allow, Connector, Unconnected
from cstar_cli.sender.connection import Clock, Connection, Ending
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.parse import best_reader
from cstar_cli.sender.pool import Origin, Pool
from cstar_cli.sender.request import compose
from cstar_cli.sender.resolve import Resolve, SystemResolver
from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import tls_trouble

if TYPE_CHECKING:
    import ssl


class Sender:
    """Posts events; safe for any number of posts at once, within one event loop.

    `max_connections` bounds the idle connections kept, not the posts in flight: the caller holds the slots. `allow`
    says of each resolved address whether it may be connected to; without it, all may. The other arguments have their
    defaults for everything but tests.
    """

    def __init__(
        self,
        *,
        max_connections: int,
        allow: Allow | None = None,
        ssl_context: "ssl.SSLContext | None" = None,
        resolve: Resolve | None = None,
        reader: type[AnswerReader] | None = None,
        idle_timeout_s: float = 30.0,
        clock: Clock = time.perf_counter,
    ) -> None:
        self._reader = reader or best_reader()
        self._pool = Pool(max_connections, idle_timeout_s, clock)
        self._connector = Connector(resolve or SystemResolver(), allow, clock, ssl_context, self._make)
        self._clock = clock
        self._open: set[Connection] = set()
        self._closed = False
        self._all_lost = asyncio.Event()

    async def post(
        self, target: Target, headers: Sequence[tuple[str, str]], body: bytes, timeout_s: float | None
    ) -> Outcome:
        """Post once, and say what came of it; `timeout_s` is for the whole exchange, None for no limit.

        Raises ValueError for headers that can't be sent, and otherwise nothing.
        """
        request = compose(target, headers, body)
        started = self._clock()
        deadline = None if timeout_s is None else started + timeout_s
        kept = self._pool.take(target.origin, started)
        if kept is not None:
            ending = await self._exchange(kept, request, deadline)
            if ending is not Ending.CLOSED or kept.reader.started or self._closed:
                return self._outcome(kept, ending, started, None, timeout_s)
        try:
            connection = await self._connector.connect(target, deadline)
        except TimeoutError:
            connection = Unconnected(Failure.TIMEOUT, f"no connection within {timeout_s:g} s")
        connected_ms = (self._clock() - started) * 1000
        if isinstance(connection, Unconnected):
            return _unanswered(connection, connected_ms)
        if self._closed:
            connection.abort()
        ending = await self._exchange(connection, request, deadline)
        return self._outcome(connection, ending, started, connected_ms, timeout_s)

    async def close(self) -> None:
        """Close every connection; posts in flight end as cut off, and so does any later one."""
        self._closed = True
        self._pool.close()
        for connection in list(self._open):
            connection.abort()
        if self._open:
            self._all_lost.clear()
            await self._all_lost.wait()

    async def _exchange(self, connection: Connection, request: bytes, deadline: float | None) -> Ending:
        try:
            return await connection.exchange(request, deadline)
        except BaseException:
            connection.abort()
            raise

    def _outcome(
        self,
        connection: Connection,
        ending: Ending,
        started: float,
        connect_ms: float | None,
        timeout_s: float | None,
    ) -> Outcome:
        failure, detail = _why(connection, ending, timeout_s)
        reader, first_byte_at = connection.reader, connection.first_byte_at
        headers = [] if reader.status is None else reader.headers
        outcome = Outcome(
            status=reader.status,
            headers=tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]),
            body=reader.body,
            failure=failure,
            detail=detail,
            connect_ms=connect_ms,
            first_byte_ms=None if first_byte_at is None else (first_byte_at - started) * 1000,
            duration_ms=(self._clock() - started) * 1000,
        )
        if connection.reusable:
            self._pool.give(connection, asyncio.get_running_loop())
        else:
            connection.abort()
        return outcome

    def _make(self, origin: Origin, loop: asyncio.AbstractEventLoop) -> Connection:
        return Connection(origin, self._reader(), loop, self._clock, self._open.add, self._lost)

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._pool.discard(connection)
        if not self._open:
            self._all_lost.set()


def _unanswered(why: Unconnected, duration_ms: float) -> Outcome:
    return Outcome(None, (), b"", why.failure, why.detail, None, None, duration_ms)


def _why(connection: Connection, ending: Ending, timeout_s: float | None) -> tuple[Failure | None, str]:
    """Say how the exchange failed, if it did: by the receiver's doing, whatever the status it began with."""
    status = connection.reader.status
    match ending:
        case Ending.COMPLETE:
            return None, ""
        case Ending.EXPIRED if status is None:
            return Failure.TIMEOUT, f"no answer within {timeout_s:g} s"
        case Ending.EXPIRED:
            return Failure.TIMEOUT, f"answered {status}, but did not finish within {timeout_s:g} s"
        case Ending.BAD:
            return Failure.PROTOCOL, connection.bad or NOT_HTTP
        case Ending.CLOSED:
            return _closed(connection, status)
        case _:
            assert_never(ending)


def _closed(connection: Connection, status: int | None) -> tuple[Failure, str]:
    cause = connection.lost_by
    if cause is not None and not isinstance(cause, ConnectionError) and (trouble := tls_trouble(cause)):
        return Failure.TLS, trouble
    if status is not None:
        return Failure.RESET, f"answered {status}, but the connection closed before the end of the body"
    if connection.reader.started:
        return Failure.RESET, "connection closed in the middle of the answer's headers"
    return Failure.RESET, "connection closed before an answer"
