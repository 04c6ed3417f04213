"""The live log: attempts in commit order, as lines of JSON, for as long as the caller listens."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cstar_cli.cloud.api import views
from cstar_cli.cloud.api.answers import invalid
from cstar_cli.cloud.api.naming import names_of
from cstar_cli.cloud.api.parameters import TailQuery
from cstar_cli.cloud.service import Cloud
from cstar_cli.cloud.store.interface import MalformedCursor, Store, StoreUnavailable
from cstar_cli.cloud.store.queries import AttemptQuery
from cstar_cli.cloud.store.records import Attempt
from cstar_cli.cloud.store.wakeups import attempts_of

HEARTBEAT_S = 5.0
ATTEMPTS_A_READ = 500

_encoder = msgspec.json.Encoder()


class _Tail(msgspec.Struct, frozen=True):
    """Which attempts, and where to start: after a cursor, at a time, or with the last lines."""

    team_id: str
    query: AttemptQuery
    follow: bool
    lines: int
    after: str | None
    since_ms: int | None


async def tail(request: Request, query: TailQuery) -> Response:
    """Answer with a line of JSON for each attempt; without `follow`, up to the latest."""
    cloud: Cloud = request.app.state.cloud
    if query.after is not None and query.since is not None:
        raise invalid("parameter_invalid", "Give after or since, not both.", "after")
    wanted = _Tail(
        team_id=request.path_params["team_id"],
        query=query.wanted(),
        follow=query.follow and request.method != "HEAD",
        lines=query.lines,
        after=query.after,
        since_ms=query.since_ms(),
    )
    backlog, cursor = await _backlog(cloud.store, wanted)
    first = await _attempt_lines(cloud.store, backlog)
    return StreamingResponse(_lines(cloud, wanted, first, cursor), media_type="application/x-ndjson")


async def _backlog(store: Store, wanted: _Tail) -> tuple[Sequence[Attempt], str]:
    if wanted.after is not None:
        try:
            return await store.attempts_after(wanted.team_id, wanted.query, wanted.after, ATTEMPTS_A_READ)
        except MalformedCursor as error:
            raise invalid("parameter_invalid", str(error), "after") from error
    if wanted.since_ms is not None:
        return [], await store.cursor_before(wanted.team_id, wanted.since_ms)
    return await store.last_attempts(wanted.team_id, wanted.query, wanted.lines)


async def _lines(cloud: Cloud, wanted: _Tail, first: bytes, cursor: str) -> AsyncIterator[bytes]:
    """Yield lines; between attempts a cursor at least every `HEARTBEAT_S`, from which a cut can be mended."""
    topic = attempts_of(wanted.team_id)
    wake = cloud.store.wakeups.join(topic)
    try:
        yield first
        while not cloud.stopping.is_set():
            wake.clear()
            try:
                attempts, cursor = await cloud.store.attempts_after(
                    wanted.team_id, wanted.query, cursor, ATTEMPTS_A_READ
                )
                lines = await _attempt_lines(cloud.store, attempts)
            except StoreUnavailable:
                if wanted.follow:
                    return  # a follower comes again; to others the end would mean that this was all
                raise
            yield lines + _encoder.encode(views.CursorLine(cursor)) + b"\n"
            if len(attempts) == ATTEMPTS_A_READ:
                continue
            if not wanted.follow:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await wake.wait()
    finally:
        cloud.store.wakeups.leave(topic, wake)


async def _attempt_lines(store: Store, attempts: Sequence[Attempt]) -> bytes:
    names = await names_of(store, attempts)
    return b"".join(_encoder.encode(views.attempt_line(attempt, names)) + b"\n" for attempt in attempts)
