"""One of each activity, and the looks and streams that tests show them with."""

import io
import time

from msgspec.structs import replace

from cstar_cli.activity import (
    Accepted,
    Attempted,
    Disconnected,
    Down,
    Finishing,
    Forwarded,
    Notice,
    Ready,
    Reconnected,
    RouteSession,
    Summary,
    Up,
)
from cstar_cli.events.envelope import parse_iso
from cstar_cli.render.output import Look

NOW_MS = parse_iso("2025-12-10T14:30:00Z")
PLAIN = Look(local=time.gmtime, now_s=lambda: NOW_MS / 1000)
COLOURED = replace(PLAIN, colour=True)
ASCII = replace(PLAIN, symbols=False)
EVENT_ID = "evt_" + "A" * 24

READY = Ready(
    forward_to="http://localhost:3000/webhook",
    secret="whsec_" + "x" * 43,
    cloud="http://127.0.0.1:7827",
    team_id="550e8400-e29b-41d4-a716-446655440000",
    session_id="ses_1",
    embedded=True,
    events=("ticket.*", "!ticket.closed"),
)
SUCCEEDED = Forwarded(
    time_ms=NOW_MS,
    event_id=EVENT_ID,
    event_type="ticket.message_added",
    delivery_id="dlv_1",
    attempt=1,
    url="http://localhost:3000/webhook",
    status=200,
    duration_ms=4.23,
    outcome="succeeded",
    error=None,
    response_body=b"fine",
)
FAILED = replace(SUCCEEDED, status=500, outcome="failed", response_body=b'{"error": "no"}')
REFUSED = replace(
    FAILED, status=None, error="connection refused", response_body=b"", hint="[::1]:3000 would have answered"
)
ATTEMPTED = Attempted(
    time="2025-12-10T14:30:00.123Z",
    event_id=EVENT_ID,
    event_type="ticket.created",
    delivery_id="dlv_1",
    attempt=1,
    target="ses_1",
    url="http://localhost:3000/webhook",
    status=500,
    duration_ms=4.2,
    outcome="failed",
    error=None,
    next_attempt_at="2025-12-10T14:31:00.000Z",
)
ACCEPTED = Accepted(EVENT_ID, "ticket.created", ("dlv_1",), b'{"success":true}')
ROUTES = (
    RouteSession("billing", "http://localhost:4000/hook", ("ticket.*", "!ticket.updated"), "ses_1", own_secret=True),
    RouteSession(":3000/webhook", "http://localhost:3000/webhook", ("*",), "ses_2", own_secret=False),
)
SEVERAL_READY = replace(READY, routes=ROUTES)
DISCONNECTED = Disconnected(NOW_MS, "the cloud went away")
RECONNECTED = Reconnected(NOW_MS, missed=3, resumed=True, took_over=False, session_id="ses_1")
ALL_RECONNECTED = replace(RECONNECTED, routes=ROUTES)
FINISHING = Finishing(2)
DOWN = Down(NOW_MS, "http://localhost:3000/webhook", "localhost:3000", None)
UP = Up(NOW_MS, "http://localhost:3000/webhook", "localhost:3000", waited=14, more=False, again=True)
NOTICE = Notice("a word")
SUMMARY = Summary(forwarded=5, succeeded=3, failed=2, unfinished=1)
ALL = (
    *(READY, SEVERAL_READY, SUCCEEDED, FAILED, REFUSED, ATTEMPTED, ACCEPTED),
    *(DISCONNECTED, RECONNECTED, ALL_RECONNECTED, FINISHING, DOWN, UP, NOTICE, SUMMARY),
)


class Stream(io.TextIOWrapper):
    """A stream in memory that may claim to be a terminal."""

    def __init__(self, encoding: str = "utf-8", terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def written(self) -> bytes:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue()
