"""Activity → one line of JSON for programs."""

import json

import msgspec

from cstar_cli.activity import (
    Accepted,
    Activity,
    Attempted,
    CaughtUp,
    Disconnected,
    Down,
    Finishing,
    Forwarded,
    Notice,
    Overlap,
    Ready,
    Reconnected,
    Summary,
    Unheard,
    Up,
)

_ATTEMPTED = (
    "time",
    "event_id",
    "event_type",
    "delivery_id",
    "attempt",
    "target",
    "url",
    "status",
    "duration_ms",
    "outcome",
    "error",
    "next_attempt_at",
    "target_name",
)

_READY = ("forward_to", "secret", "cloud", "team_id", "session_id", "name")

_DELETE = 0x7F
_encode = msgspec.json.Encoder().encode
_escape = json.JSONEncoder(separators=(",", ":")).encode


class _ForwardedLine(msgspec.Struct, frozen=True, gc=False, tag="forwarded", omit_defaults=True):
    event_id: str
    event_type: str
    delivery_id: str
    attempt: int
    url: str
    status: int | None
    duration_ms: float
    outcome: str
    error: str | None
    next_attempt_at: str | None
    route: str | None = None
    chaos: tuple[str, ...] = ()
    delay_ms: int = 0


def json_line(activity: Activity) -> bytes | None:
    """Return the line without its newline, in ASCII but for an API answer, or None for what is told on stderr."""
    fields: dict[str, object]
    match activity:
        case Forwarded():
            return _forwarded(activity)
        case Ready(cloud=cloud, team_id=team_id, secret=secret, routes=routes) if routes:
            shown = None if all(route.own_secret for route in routes) else secret
            fields = {"secret": shown, "cloud": cloud, "team_id": team_id, "name": activity.name, "routes": routes}
            return _line({"type": "ready", **fields, **_chaos(activity)})
        case Ready():
            unusual = {"insecure": True} if activity.insecure else {}
            wire = {"wire": activity.wire} if activity.wire else {}
            fields = {name: getattr(activity, name) for name in _READY}
            return _line({"type": "ready", **fields, **unusual, **wire, **_chaos(activity)})
        case Attempted():
            return _line({name: getattr(activity, name) for name in _ATTEMPTED})
        case Accepted(line=line):
            return line
        case Disconnected(reason=reason):
            return _line({"type": "disconnected", "reason": reason})
        case Reconnected(missed=missed, resumed=resumed, session_id=session_id, routes=routes):
            span = {"oldest": _time(activity.oldest_ms), "newest": _time(activity.newest_ms)}
            counts = {"missed": missed, "skipped": activity.skipped}
            whose = {"routes": routes} if routes else {"session_id": session_id}
            return _line({"type": "reconnected", **counts, **span, "resumed": resumed, **whose})
        case CaughtUp(events=events):
            span = {"oldest": _time(activity.oldest_ms), "newest": _time(activity.newest_ms)}
            return _line({"type": "caught_up", "events": events, **span})
        case Unheard(events=events, oldest_ms=oldest_ms, newest_ms=newest_ms):
            return _line({"type": "unheard", "events": events, "oldest": _time(oldest_ms), "newest": _time(newest_ms)})
        case Down(forward_to=forward_to, hint=hint):
            return _line({"type": "down", "forward_to": forward_to, "hint": hint})
        case Up(forward_to=forward_to, waited=waited, more=more):
            return _line({"type": "up", "forward_to": forward_to, "waited": waited, "more": more})
        case Overlap(others=others, more=more, now=now):
            return _line({"type": "overlap", "others": others, "more": more, "now": now})
        case Finishing() | Notice() | Summary():
            return None


def _forwarded(activity: Forwarded) -> bytes:
    return _line(
        _ForwardedLine(
            activity.event_id,
            activity.event_type,
            activity.delivery_id,
            activity.attempt,
            activity.url,
            activity.status,
            activity.duration_ms,
            activity.outcome,
            activity.error,
            None if activity.next_attempt_at_ms is None else _time(activity.next_attempt_at_ms),
            activity.route,
            activity.chaos,
            activity.delay_ms,
        )
    )


def _chaos(ready: Ready) -> dict[str, object]:
    return {"chaos": ready.chaos, "seed": ready.seed} if ready.chaos is not None else {}


def _time(ms: int | None) -> str | None:
    from cstar_cli.events.envelope import iso_ms  # late: most listeners have no such times

    return None if ms is None else iso_ms(ms)


def _line(fields: object) -> bytes:
    # ASCII: every locale can write it, and no payload's control character reaches a terminal.
    try:
        line = _encode(fields)
        if line.isascii() and _DELETE not in line:
            return line
    except UnicodeEncodeError:  # half of a character
        pass
    return _escape(msgspec.to_builtins(fields)).encode()
