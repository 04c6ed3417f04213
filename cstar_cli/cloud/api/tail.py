"""The live log: attempts in commit order, as lines of JSON, for as long as the caller listens."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cstar_cli.cloud.api import parameters, views
from cstar_cli.cloud.api.answers import invalid
from cstar_cli.cloud.service import Cloud
from cstar_cli.cloud.store.queries import AttemptQuery
from cstar_cli.cloud.store.records import Attempt
from cstar_cli.cloud.store.wakeups import attempts_of

HEARTBEAT_S = 5.0
ATTEMPTS_A_READ = 500

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class _Tail:
    """Which attempts, and where to start: after a sequence, at a time, or with the last lines."""

    team_id: str
    query: AttemptQuery
    follow: bool
    lines: int
    after: int | None
    since_ms: int | None


async def tail(request: Request) -> Response:
    cloud: Cloud = request.app.state.cloud
    query = request.query_params
    if "after" in query and "since" in query:
        raise invalid("parameter_invalid", "Give after or since, not both.", "after")
    wanted = _Tail(
        team_id=request.path_params["team_id"],
        query=parameters.attempt_query(query),
        follow=parameters.boolean(query, "follow", default=True) and request.method != "HEAD",
        lines=parameters.whole(query, "lines", default=10, least=0, most=parameters.MAX_LINES),
        after=parameters.whole(query, "after", default=0, least=0, most=2**62) if "after" in query else None,
        since_ms=parameters.since_ms(query["since"]) if "since" in query else None,
    )
    backlog, seq = await _backlog(cloud, wanted)
    return StreamingResponse(_lines(cloud, wanted, backlog, seq), media_type="application/x-ndjson")


async def _backlog(cloud: Cloud, wanted: _Tail) -> tuple[Sequence[Attempt], int]:
    if wanted.after is not None:
        return [], wanted.after
    if wanted.since_ms is not None:
        return [], await cloud.store.seq_before(wanted.team_id, wanted.since_ms)
    return await cloud.store.last_attempts(wanted.team_id, wanted.query, wanted.lines)


async def _lines(cloud: Cloud, wanted: _Tail, backlog: Sequence[Attempt], seq: int) -> AsyncIterator[bytes]:
    """Yield lines; between attempts a cursor at least every `HEARTBEAT_S`, from which a cut can be mended."""
    topic = attempts_of(wanted.team_id)
    wake = cloud.store.wakeups.join(topic)
    stopping = cloud.stopping
    try:
        yield b"".join(map(_attempt_line, backlog))
        while not stopping.is_set():
            wake.clear()
            attempts, seq_now = await cloud.store.attempts_after(wanted.team_id, wanted.query, seq, ATTEMPTS_A_READ)
            yield b"".join(map(_attempt_line, attempts)) + _encoder.encode({"kind": "cursor", "seq": seq_now}) + b"\n"
            caught_up, seq = len(attempts) < ATTEMPTS_A_READ, seq_now
            if caught_up and not wanted.follow:
                return
            if caught_up:
                await _first_of(wake, stopping)
    finally:
        cloud.store.wakeups.leave(topic, wake)


async def _first_of(*events: asyncio.Event) -> None:
    """Wait until one of the events is set, or the heartbeat is due."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _attempt_line(attempt: Attempt) -> bytes:
    return _encoder.encode({"kind": "attempt", "seq": attempt.seq} | views.attempt(attempt)) + b"\n"
