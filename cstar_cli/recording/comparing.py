"""An answer and the one that was recorded → differences, in words that stay short whatever the answers hold."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from cstar_cli.errors import UsageError
from cstar_cli.events import canonical
from cstar_cli.events.canonical import Json
from cstar_cli.recording import paths
from cstar_cli.recording.format import Answer, body_of
from cstar_cli.recording.scrubbing import REMOVED

What = Literal["status", "body", "latency"]
WHATS: Final[Sequence[What]] = ("status", "body", "latency")

_MOST_PLACES = 5
_SHOWN_CHARS = 40
_BEFORE_CHARS = 10
_LATENCY = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,2})?)x(?:\+([0-9]{1,6})(ms|s))?")


class Slower(msgspec.Struct, frozen=True):
    """From when on an answer is slower: more than so many times the recorded duration, and by more than so much."""

    times: float = 3.0
    more_ms: float = 200.0


class Rules(msgspec.Struct, frozen=True):
    """What is compared: places of JSON answers at the `ignored` paths aren't, durations only with `slower`."""

    ignored: Mapping[str, tuple[paths.Step, ...]] = {}
    slower: Slower | None = Slower()


class Difference(msgspec.Struct, frozen=True):
    """Something differs: what was recorded and what is now, or of bodies, in which `places`."""

    what: What
    recorded: str
    now: str
    places: tuple[str, ...] = ()


class Unfound:
    """The ignored paths that no answer has had so far."""

    def __init__(self, ignored: Mapping[str, tuple[paths.Step, ...]]) -> None:
        self._left = dict(ignored)
        self._has_looked = False

    @property
    def paths(self) -> Sequence[str]:
        """Return them; none where there was no answer to look in."""
        return [*self._left] if self._has_looked else []

    def look_in(self, answer: Answer) -> None:
        """Look for them in an answer; one that isn't there to its end may have had any of them."""
        self._has_looked = self._has_looked or answer.status is not None
        if answer.cut or answer.removed:
            self._left.clear()
        if self._left and (value := _parsed(body_of(answer))) is not None:
            self._left = {path: steps for path, steps in self._left.items() if not paths.places(value, steps)}


def slower_than(text: str) -> Slower | None:
    """Return what `3x`, `2x+50ms` or `off` says; raises UsageError for anything else."""
    if text == "off":
        return None
    match = _LATENCY.fullmatch(text)
    if match is None or float(match[1]) < 1:
        raise UsageError(f"--latency {text!r}: write it like 3x, 2x+50ms (and by more than 50 ms), or off.")
    if match[2] is None:
        return Slower(float(match[1]))
    return Slower(float(match[1]), float(match[2]) * (1000 if match[3] == "s" else 1))


def compare(recorded: Answer, now: Answer, rules: Rules) -> tuple[Difference, ...]:
    """Return what differs; what was removed from the recording differs from nothing."""
    found = [*_status(recorded, now), *_body(recorded, now, rules), *_latency(recorded, now, rules)]
    return tuple(found)


def _status(recorded: Answer, now: Answer) -> Iterator[Difference]:
    before, after = _outcome(recorded), _outcome(now)
    if before != after:
        yield Difference("status", before, after)


def _outcome(answer: Answer) -> str:
    """Return the status, or that there was no whole answer: why is told in too many ways to be compared."""
    if answer.status is None:
        return "no answer"
    whole = answer.error is None or not answer.error.startswith(f"answered {answer.status}, ")
    return str(answer.status) if whole else f"{answer.status}, not to its end"


def _latency(recorded: Answer, now: Answer, rules: Rules) -> Iterator[Difference]:
    slower, before, after = rules.slower, recorded.duration_ms, now.duration_ms
    if slower is None or recorded.status is None or now.status is None:
        return
    if after > before * slower.times and after - before > slower.more_ms:
        yield Difference("latency", f"{before:.0f} ms", f"{after:.0f} ms")


def _body(recorded: Answer, now: Answer, rules: Rules) -> Iterator[Difference]:
    if recorded.removed or now.removed or recorded.status is None or now.status is None:
        return
    before, after = body_of(recorded), body_of(now)
    if before == after:
        return
    old, new = _parsed(before), _parsed(after)
    if old is not None and new is not None:
        for steps in rules.ignored.values():
            _leave_out(old, steps)
            _leave_out(new, steps)
        found = list(_values(old, new, ""))
        if found:
            more = len(found) - _MOST_PLACES
            told = (*found[:_MOST_PLACES], *((f"and {more} more",) if more > 0 else ()))
            yield Difference("body", _shown_bytes(before), _shown_bytes(after), told)
    elif (place := _text(before, after)) is not None:
        yield Difference("body", _shown_bytes(before), _shown_bytes(after), (place,))


def _leave_out(value: Json, steps: tuple[paths.Step, ...]) -> None:
    """Take out what is there; an item of a list gives way to null, so that no other takes its place."""
    for container, key in paths.places(value, steps):
        if isinstance(container, dict) and isinstance(key, str):
            container.pop(key, None)
        else:
            paths.put((container, key), None)  # type: ignore[arg-type]  # a place's key fits its container


def _values(old: Json, new: Json, path: str) -> Iterator[str]:
    """Yield each place that differs, with both values."""
    if old == REMOVED:  # whatever was there
        return
    match old, new:
        case dict(), dict():
            for key in {**old, **new}:
                where = paths.key_path(path, key)
                if key not in new:
                    yield f"{where}: {_shown(old[key])} is missing"
                elif key not in old:
                    yield f"{where}: {_shown(new[key])} is new"
                else:
                    yield from _values(old[key], new[key], where)
        case list(), list():
            if len(old) != len(new):
                yield f"{path or 'the list'}: {len(old)} → {len(new)} items"
            for index, (before, after) in enumerate(zip(old, new, strict=False)):
                yield from _values(before, after, paths.item_path(path, index))
        case str(), str() if _fits(old, new):
            return
        case _ if canonical.dumps(old) != canonical.dumps(new):
            yield f"{path or 'the value'}: {_shown(old)} → {_shown(new)}"


def _text(before: bytes, after: bytes) -> str | None:
    """Return where two bodies that are no JSON begin to differ."""
    try:
        old, new = before.decode(), after.decode()
    except UnicodeDecodeError:
        at = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), None)
        return f"byte {min(len(before), len(after)) if at is None else at}, of {len(before)} → {len(after)}"
    if _fits(old, new):
        return None
    shared = min(len(old), len(new))
    at = next((at for at in range(shared) if old[at] != new[at]), shared)
    line, column = old.count("\n", 0, at) + 1, at - old.rfind("\n", 0, at)
    start = max(0, at - _BEFORE_CHARS)
    return f"line {line}, column {column}: {_shown(old[start:])} → {_shown(new[start:])}"


def _fits(old: str, new: str) -> bool:
    """Say whether a text is the recorded one, with anything where that had something removed."""
    if REMOVED not in old:
        return old == new
    first, *others = old.split(REMOVED)
    if not new.startswith(first):
        return False
    at = len(first)
    *middle, last = others
    for piece in middle:
        at = new.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return len(new) - at >= len(last) and new.endswith(last)


def _parsed(body: bytes) -> Json:
    try:
        return canonical.parse(body)
    except UsageError:
        return None


def _shown(value: Json) -> str:
    text = canonical.dumps(value).decode("utf-8", "replace")
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"


def _shown_bytes(body: bytes) -> str:
    text = body[: _SHOWN_CHARS * 4].decode("utf-8", "replace")
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
