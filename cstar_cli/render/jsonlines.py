"""Activity → one line of JSON for programs."""

import json

from cstar_cli.activity import (
    Accepted,
    Activity,
    Attempted,
    Disconnected,
    Forwarded,
    Notice,
    Ready,
    Reconnected,
    Summary,
)

_FORWARDED = ("event_id", "event_type", "delivery_id", "attempt", "url", "status", "duration_ms", "outcome", "error")
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
)

_encode = json.JSONEncoder(separators=(",", ":")).encode


def json_line(activity: Activity) -> bytes | None:
    """Return the line without its newline, in ASCII but for an API answer, or None for what is told on stderr."""
    match activity:
        case Ready(forward_to=forward_to, secret=secret, cloud=cloud, team_id=team_id, session_id=session_id):
            fields: dict[str, object] = {"forward_to": forward_to, "secret": secret, "cloud": cloud}
            return _line({"type": "ready", **fields, "team_id": team_id, "session_id": session_id})
        case Forwarded():
            return _line({"type": "forwarded", **{name: getattr(activity, name) for name in _FORWARDED}})
        case Attempted():
            return _line({name: getattr(activity, name) for name in _ATTEMPTED})
        case Accepted(line=line):
            return line
        case Disconnected(reason=reason):
            return _line({"type": "disconnected", "reason": reason})
        case Reconnected(missed=missed, resumed=resumed, session_id=session_id):
            return _line({"type": "reconnected", "missed": missed, "resumed": resumed, "session_id": session_id})
        case Notice() | Summary():
            return None


def _line(fields: dict[str, object]) -> bytes:
    # ASCII: every locale can write it, and no payload's control character reaches a terminal.
    return _encode(fields).encode()
