"""Activity → lines of text for people: aligned, coloured by outcome, everything foreign made harmless.

A successful attempt takes 75 columns: time, mark, type, event id, status, duration.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import assert_never

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
    OutcomeName,
    Overlap,
    Ready,
    Reconnected,
    Summary,
    Unheard,
    Up,
)
from cstar_cli.events.catalogue import names
from cstar_cli.render.output import Colour, Look
from cstar_cli.render.ready import ready_panel
from cstar_cli.render.safe import harmless
from cstar_cli.render.times import clock, clock_of, duration_text, since_text, span

_TYPE_WIDTH = max(map(len, names()))
_BODY_CHARS = 300
_REASON_CHARS = 200
_MOST_NAMED = 3
_INDENT = "    "
_COMMAND = ": cstar "
_OUTCOME_COLOURS: Mapping[OutcomeName, Colour] = {"succeeded": "green", "failed": "red", "canceled": "yellow"}
_PAINT = re.compile(r"\x1b\[\d+m")


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
            return ready_panel(activity, look)
        case Disconnected(time_ms=time_ms, reason=reason):
            return [f"{clock(time_ms, look)} {look.paint('yellow', f'Disconnected: {harmless(reason)}')}"]
        case Reconnected():
            return [f"{clock(activity.time_ms, look)} {look.paint('green', _reconnected(activity, look))}"]
        case CaughtUp():
            return [look.paint("green" if activity.events else "dim", _caught_up(activity, look))]
        case Unheard():
            return _unheard(activity, look)
        case Overlap():
            return [look.paint("yellow", _overlap(activity))]
        case Finishing(running=running):
            return [look.paint("yellow", f"Finishing {running} in flight; Ctrl-C ends at once.")]
        case Down():
            return _down(activity, look)
        case Up():
            return [f"{clock(activity.time_ms, look)} {look.paint('green', _up(activity))}"]
        case Notice(message=message):
            return [look.paint("yellow", _plain(harmless(message), look))]
        case Summary():
            return _summary(activity, look)
        case _:
            assert_never(activity)


def _forwarded(activity: Forwarded, look: Look) -> list[str]:
    lines = _row(activity, activity.time_ms, look)
    if activity.outcome == "failed" and activity.response_body:
        body = _plain(harmless(activity.response_body, _BODY_CHARS).strip(), look)
        lines.append(_INDENT + look.paint("dim", body))
    if activity.hint:
        lines += _hint(activity.hint, look)
    return lines


def _hint(hint: str, look: Look) -> list[str]:
    """Return it in one line; on a terminal too narrow for that, a command at its end has one of its own."""
    text = harmless(hint)
    words, _, command = text.rpartition(_COMMAND)
    start = f"{_INDENT}{look.paint('cyan', 'Hint:')} "
    columns = look.columns()
    if not words or columns is None or len(f"{_INDENT}Hint: {text}") <= columns:
        return [f"{start}{text}"]
    return [f"{start}{words}:", f"{_INDENT}{_COMMAND[2:]}{command}"]


def _attempted(activity: Attempted, look: Look) -> list[str]:
    row = attempt_rows(activity, look)
    where = harmless(f"{activity.target_name}  {activity.url}" if activity.target_name else activity.url)
    if activity.next_attempt_at:
        where += f"  retry at {clock_of(activity.next_attempt_at, look)}"
    if activity.outcome != "succeeded":
        return [*row, _INDENT + look.paint("dim", where)]
    beside = where if activity.target.startswith("whk_") else harmless(activity.target_name or "")
    return _beside(row, beside, "dim", look) if beside else row


def attempt_rows(activity: Attempted, look: Look) -> list[str]:
    """Return what came of an attempt: one line, or two where the terminal is too narrow for all of it."""
    from cstar_cli.events.envelope import parse_iso  # late: `listen` and `trigger` have no such times

    return _row(activity, parse_iso(activity.time), look)


def _row(activity: Forwarded | Attempted, time_ms: int, look: Look) -> list[str]:
    good = activity.outcome == "succeeded"
    mark, status = _mark_and_status(activity.outcome, activity.status, look)
    what = f"{_type_column(activity.event_type)}  {harmless(activity.event_id)}"
    duration = duration_text(activity.duration_ms) if was_posted(activity) else ""
    rows = [f"{look.paint('dim', clock(time_ms, look))} {mark} {what}  {status} {duration:>8}"]
    if isinstance(activity, Forwarded) and activity.route:
        rows = _beside(rows, f"{look.symbol('→')} {harmless(activity.route)}", "dim", look)
    if activity.attempt > 1 and was_posted(activity):
        rows = _beside(rows, f"attempt {activity.attempt}", "yellow", look, gap=" ")
    if isinstance(activity, Forwarded) and activity.chaos:
        from cstar_cli.render.chaos import chaos_text  # late: most runs have none

        if words := chaos_text(activity):
            rows = _beside(rows, words, "yellow", look)
    if good:
        return rows
    colour = _OUTCOME_COLOURS[activity.outcome]
    rows = _beside(rows, _plain(harmless(_reason(activity), _REASON_CHARS), look), colour, look)
    if isinstance(activity, Forwarded) and activity.next_attempt_at_ms is not None:
        rows = _beside(rows, f"retry at {clock(activity.next_attempt_at_ms, look)}", "yellow", look)
    return rows


@lru_cache(maxsize=256)  # there are few
def _mark_and_status(outcome: OutcomeName, status: int | None, look: Look) -> tuple[str, str]:
    colour = _OUTCOME_COLOURS[outcome]
    mark = look.symbol("✓" if outcome == "succeeded" else "✗")
    return look.paint(colour, mark), look.paint(colour, str(status or "---"))


@lru_cache(maxsize=256)  # there are few
def _type_column(event_type: str) -> str:
    return harmless(event_type).ljust(_TYPE_WIDTH)


def was_posted(activity: Forwarded | Attempted) -> bool:
    """Say whether anything was sent: what stops a delivery is in the log too, and took no time."""
    return activity.status is not None or activity.duration_ms > 0


def _beside(rows: list[str], text: str, colour: Colour, look: Look, gap: str = "  ") -> list[str]:
    """Return the line with the text at its end; on a terminal too narrow for that, the text has a line of its own.

    What such a line has already, it gets more of.
    """
    if len(rows) > 1:
        return [*rows[:-1], f"{rows[-1]}  {look.paint(colour, text)}"]
    [row] = rows
    width = len(f"{_PAINT.sub('', row)}{gap}{text}")
    if width > (look.columns() or width):
        return [row, _INDENT + look.paint(colour, text)]
    return [f"{row}{gap}{look.paint(colour, text)}"]


def _reason(activity: Forwarded | Attempted) -> str:
    """Say why in words; the status itself stands in the line already."""
    if activity.outcome == "canceled" and not activity.error:
        return "canceled"
    if activity.error and activity.error != f"answered {activity.status}":
        return activity.error
    from http import HTTPStatus  # late: only a failure needs its table

    try:
        return HTTPStatus(activity.status or 0).phrase
    except ValueError:
        return "not a 2xx status" if activity.status else "no answer"


def _accepted(activity: Accepted, look: Look) -> str:
    count = len(activity.delivery_ids)
    listeners = count - activity.webhooks
    away = " (away)" if listeners == activity.away else f" ({activity.away} away)"
    counts = (("listener", listeners, away if activity.away else ""), ("webhook", activity.webhooks, ""))
    to = ", ".join(f"{n} {noun}{'' if n == 1 else 's'}{more}" for noun, n, more in counts if n) or "nobody"
    mark = look.paint("green" if count else "yellow", look.symbol("✓"))
    return f"{mark} {_type_column(activity.event_type)}  {harmless(activity.event_id)}  {look.symbol('→')} {to}"


def _reconnected(activity: Reconnected, look: Look) -> str:
    who = "Reconnected; this process is the cloud now" if activity.took_over else "Reconnected"
    if not activity.resumed:
        who = f"{who}, as a new session"
    counted = _deliveries if activity.routes else _events  # an event comes once for each route that takes it
    when = span(activity.oldest_ms, activity.newest_ms, look)
    if activity.skipped:
        return f"{who}: skipped {counted(activity.skipped)} that came meanwhile{when}."
    if not activity.missed:
        return f"{who}: nothing was missed." if activity.resumed else f"{who}."
    return f"{who}: {counted(activity.missed)} came meanwhile{when}."


def _caught_up(activity: CaughtUp, look: Look) -> str:
    if not activity.events:
        return f"Nothing was missed since {clock(activity.since_ms, look)}."
    verb = "was" if activity.events == 1 else "were"
    when = span(activity.oldest_ms, activity.newest_ms, look)
    return f"{_events(activity.events)} {verb} delivered to nobody{when}: delivering now."


def _unheard(activity: Unheard, look: Look) -> list[str]:
    when = span(activity.oldest_ms, activity.newest_ms, look)
    words = look.paint("yellow", f"{_events(activity.events)} came while nobody listened{when}.")
    return [words, *_hint(_brings(activity.events, activity.oldest_ms, look), look)]


def _overlap(activity: Overlap) -> str:
    named = [harmless(other) for other in activity.others[:_MOST_NAMED]]
    more = activity.more + len(activity.others) - len(named)
    who = [*named, *([f"{more} more"] if more else [])]
    verb = "listens" if len(who) == 1 else "listen"
    all_of_them = " and ".join(filter(None, (", ".join(who[:-1]), who[-1])))
    listen = f"{all_of_them} {verb} {'now, too' if activity.now else 'already'}"
    if activity.only_mine:
        return f"{listen}: what you trigger goes there as well."
    return f"{listen}: events go to each that wants them{'' if activity.now else ' (--only-mine: only yours)'}."


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"


def _deliveries(count: int) -> str:
    return "1 delivery" if count == 1 else f"{count} deliveries"


def _down(activity: Down, look: Look) -> list[str]:
    words = f"Nothing listens on {harmless(activity.place)}: events wait until it does."
    line = f"{clock(activity.time_ms, look)} {look.paint('yellow', words)}"
    return [line, *_hint(activity.hint, look)] if activity.hint else [line]


def _up(activity: Up) -> str:
    answers = f"{harmless(activity.place)} answers {'again' if activity.again else 'now'}"
    if not activity.waited:
        return f"{answers}."
    events = f"{activity.waited} or more events" if activity.more else _events(activity.waited)
    return f"{answers}: delivering {events} that waited."


def _summary(activity: Summary, look: Look) -> list[str]:
    text = f"Stopped: {activity.forwarded} forwarded, {activity.succeeded} succeeded, {activity.failed} failed."
    if activity.waiting:
        text += f" {activity.waiting} waited for a retry."
    if activity.unfinished:
        text += f" {activity.unfinished} unfinished."
    if activity.held:
        text += f" {activity.held} {'or more ' if activity.held_more else ''}not delivered."
    if activity.chaos is not None:
        from cstar_cli.render.chaos import counts_text  # late: most runs have none

        text += f" {counts_text(activity.chaos)}"
    if activity.held_since_ms is None:
        return [text]
    return [text, *_hint(_brings(activity.held, activity.held_since_ms, look), look)]


def _brings(count: int, oldest_ms: int, look: Look) -> str:
    return f"cstar listen --since {since_text(oldest_ms, look)} brings {'it' if count == 1 else 'them'}"


def _plain(text: str, look: Look) -> str:
    return text if look.symbols else text.replace("…", look.symbol("…"))
