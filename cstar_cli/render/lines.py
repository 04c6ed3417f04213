"""Activity → lines of text for people: aligned, coloured by outcome, everything foreign made harmless.

A successful attempt takes 75 columns: time, mark, type, event id, status, duration.
"""

from typing import assert_never

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
from cstar_cli.events.catalogue import names
from cstar_cli.render.output import Colour, Look
from cstar_cli.render.safe import harmless

_TYPE_WIDTH = max(map(len, names()))
_BODY_CHARS = 300
_REASON_CHARS = 200
_INDENT = "    "


def lines_of(activity: Activity, look: Look) -> list[str]:
    """Return the lines that tell what happened."""
    match activity:
        case Forwarded():
            return _forwarded(activity, look)
        case Attempted():
            return _attempted(activity, look)
        case Accepted():
            return [_accepted(activity, look)]
        case Ready():
            return _ready(activity, look)
        case Disconnected(time_ms=time_ms, reason=reason):
            return [f"{_clock(time_ms, look)} {look.paint('yellow', f'Disconnected: {harmless(reason)}')}"]
        case Reconnected():
            return [f"{_clock(activity.time_ms, look)} {look.paint('green', _reconnected(activity))}"]
        case Notice(message=message):
            return [look.paint("yellow", _plain(harmless(message), look))]
        case Summary():
            return [_summary(activity)]
        case _:
            assert_never(activity)


def _forwarded(activity: Forwarded, look: Look) -> list[str]:
    lines = _row(activity, activity.time_ms, look)
    if activity.outcome == "failed" and activity.response_body:
        body = _plain(harmless(activity.response_body, _BODY_CHARS).strip(), look)
        lines.append(_INDENT + look.paint("dim", body))
    if activity.hint:
        lines.append(f"{_INDENT}{look.paint('cyan', 'Hint:')} {harmless(activity.hint)}")
    return lines


def _attempted(activity: Attempted, look: Look) -> list[str]:
    from cstar_cli.events.envelope import parse_iso  # late: `listen` and `trigger` have no such times

    row = _row(activity, parse_iso(activity.time), look)
    if activity.next_attempt_at:
        again = f"next attempt {_clock(parse_iso(activity.next_attempt_at), look)}"
        return [*row, _INDENT + look.paint("dim", f"{harmless(activity.url)}  {again}")]
    if activity.outcome == "failed":
        return [*row, _INDENT + look.paint("dim", harmless(activity.url))]
    return row


def _row(activity: Forwarded | Attempted, time_ms: int, look: Look) -> list[str]:
    """Return the attempt's line; on a terminal too narrow for it, the reason of a failure has a line of its own."""
    good = activity.outcome == "succeeded"
    colour: Colour = "green" if good else "red"
    event_type, event_id = harmless(activity.event_type).ljust(_TYPE_WIDTH), harmless(activity.event_id)
    status = str(activity.status or "---")
    again = f" attempt {activity.attempt}" if activity.attempt > 1 else ""
    duration = _duration(activity.duration_ms).rjust(8)
    parts = [
        look.paint("dim", _clock(time_ms, look)),
        look.paint(colour, look.symbol("✓" if good else "✗")),
        f"{event_type}  {event_id} ",
        look.paint(colour, status),
        duration + look.paint("yellow", again),
    ]
    row = " ".join(parts)
    if good:
        return [row]
    reason = _plain(harmless(_reason(activity), _REASON_CHARS), look)
    width = len(f"{_clock(time_ms, look)} x {event_type}  {event_id}  {status} {duration}{again}  {reason}")
    if width > (look.columns() or width):
        return [row, _INDENT + look.paint("red", reason)]
    return [f"{row}  {look.paint('red', reason)}"]


def _reason(activity: Forwarded | Attempted) -> str:
    """Say why in words; the status itself stands in the line already."""
    if activity.error and activity.error != f"answered {activity.status}":
        return activity.error
    from http import HTTPStatus  # late: only a failure needs its table

    try:
        return HTTPStatus(activity.status or 0).phrase
    except ValueError:
        return "not a 2xx status" if activity.status else "no answer"


def _accepted(activity: Accepted, look: Look) -> str:
    count = len(activity.delivery_ids)
    to = f"{count} listener{'' if count == 1 else 's'}" if count else "nobody"
    mark = look.paint("green" if count else "yellow", look.symbol("✓"))
    event_type = harmless(activity.event_type).ljust(_TYPE_WIDTH)
    return f"{mark} {event_type}  {harmless(activity.event_id)}  {look.symbol('→')} {to}"


def _ready(activity: Ready, look: Look) -> list[str]:
    rows = (
        ("Forwarding to", look.paint("bold", harmless(activity.forward_to))),
        ("Signing secret", harmless(activity.secret)),
        ("Events", "all" if activity.events in ((), ("*",)) else harmless(", ".join(activity.events))),
        ("Cloud", harmless(activity.cloud) + (" (inside this process)" if activity.embedded else "")),
        ("Team", harmless(activity.team_id)),
    )
    return [
        *(f"  {look.paint('dim', name.ljust(14))}  {value}" for name, value in rows),
        "",
        look.paint("green", "Ready!") + "  In another terminal: cstar trigger ticket.created   (Ctrl-C stops)",
        "",
    ]


def ready_line(activity: Ready, look: Look) -> str:
    """Return the one line that stands for the panel where there is no room for it."""
    return f"Ready! {harmless(activity.cloud)} {look.symbol('→')} {harmless(activity.forward_to)}"


def _reconnected(activity: Reconnected) -> str:
    who = "Reconnected; this process is the cloud now" if activity.took_over else "Reconnected"
    if not activity.missed:
        return f"{who}: nothing was missed." if activity.resumed else f"{who}, as a new session."
    if activity.missed == 1:
        return f"{who}: 1 delivery was made meanwhile and comes now."
    return f"{who}: {activity.missed} deliveries were made meanwhile and come now."


def _summary(activity: Summary) -> str:
    text = f"Stopped: {activity.forwarded} forwarded, {activity.succeeded} succeeded, {activity.failed} failed."
    return f"{text} {activity.unfinished} unfinished." if activity.unfinished else text


def _clock(time_ms: int, look: Look) -> str:
    """Return the local time; of another day than today, the day and the minute."""
    then, today = look.local(time_ms / 1000), look.local(look.now_s())
    if then[:3] == today[:3]:
        return f"{then.tm_hour:02}:{then.tm_min:02}:{then.tm_sec:02}"
    return f"{then.tm_mon:02}-{then.tm_mday:02} {then.tm_hour:02}:{then.tm_min:02}"


def _duration(duration_ms: float) -> str:
    if duration_ms < 10:
        return f"{duration_ms:.1f} ms"
    return f"{duration_ms:.0f} ms" if duration_ms < 999.5 else f"{duration_ms / 1000:.2f} s"


def _plain(text: str, look: Look) -> str:
    return text if look.symbols else text.replace("…", look.symbol("…"))
