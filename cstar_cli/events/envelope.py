"""The envelope: the same for every event of a wire version, its bytes made once."""

import base64
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from cstar_cli.clock import now_ms
from cstar_cli.errors import UsageError
from cstar_cli.events import canonical
from cstar_cli.events.canonical import Json
from cstar_cli.events.catalogue import MAX_NAME_CHARS, is_valid_name
from cstar_cli.events.wires import DEFAULT, wire

MAX_BODY_BYTES = 1024 * 1024

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_TIME_BYTES = 6
_RANDOM_BYTES = 12
_ID_BYTES = _TIME_BYTES + _RANDOM_BYTES
_ASKED_FOR = 256


class Event(msgspec.Struct, frozen=True):
    """One event; `body` is what is signed and sent, and is never written again.

    `origin` is what the machine is called that triggered it, where that is known; it goes to no receiver. `wire` is the
    wire version that the body is made in; see `events.wires`.
    """

    id: str
    type: str
    team_id: str
    created_at_ms: int
    body: bytes
    origin: str | None = None
    wire: str = DEFAULT


class _Dated(msgspec.Struct):
    created_at: str


class Fresh:
    """Makes what ids are fresh by: 8 characters of the time, and 16 of the system's randomness, all safe in a URL.

    Ids of one time are neighbours in a database's index; one that could be anywhere costs a page of its own to store,
    the more the larger the index. Randomness is asked for many ids at once.
    """

    def __init__(self, clock: Callable[[], int] = now_ms) -> None:
        self._clock = clock
        self._time = (0, "")
        self._ready: list[str] = []  # whose methods threads may share
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._ready.clear)

    def __call__(self) -> str:
        ms = self._clock()
        at_ms, time = self._time
        if at_ms != ms:
            time = _text(ms.to_bytes(_TIME_BYTES, "big"))
            self._time = (ms, time)
        try:
            return time + self._ready.pop()
        except IndexError:
            return time + self._one_of_more()

    def _one_of_more(self) -> str:
        text = _text(os.urandom(_RANDOM_BYTES * _ASKED_FOR))
        size = len(text) // _ASKED_FOR
        first, *others = [text[at : at + size] for at in range(0, len(text), size)]
        self._ready += others
        return first


_fresh = Fresh()


def new_id(prefix: str, new_bytes: Callable[[int], bytes] | None = None) -> str:
    """Return an id: prefix (`evt`, `dlv`, `ses`, `whk`, `req`), `_`, and 24 URL-safe characters, fresh by default."""
    return f"{prefix}_{_fresh() if new_bytes is None else _text(new_bytes(_ID_BYTES))}"


def _text(given: bytes) -> str:
    return base64.urlsafe_b64encode(given).decode()


def build_event(
    event_type: str,
    data: Json,
    team_id: str,
    at_ms: int,
    new_id: Callable[[], str] | None = None,
    origin: str | None = None,
    made_in: str = DEFAULT,
) -> Event:
    """Make the event and its canonical bytes, as a wire version has them; its id is a fresh one by default.

    Raises UsageError for a type that is not `resource.action`, MalformedJson for data nested too deeply.
    """
    if not is_valid_name(event_type):
        raise UsageError(
            f"{event_type!r} is not an event type: it must look like resource.action, in lower-case letters, "
            f"digits and underscores, at most {MAX_NAME_CHARS} characters."
        )
    event_id = new_id() if new_id else fresh_id(event_type, at_ms, made_in)
    fields = {"id": event_id, "type": event_type, "team_id": team_id, "created_at": iso(at_ms), "data": data}
    body = canonical.dumps(fields if made_in == DEFAULT else {key: fields[key] for key in wire(made_in).envelope})
    return Event(event_id, event_type, team_id, at_ms, body, origin, made_in)


def fresh_id(event_type: str, at_ms: int, made_in: str) -> str:
    """Return a fresh id for an event of a wire version."""
    return new_id("evt") if made_in == DEFAULT else wire(made_in).event_id(event_type, at_ms)


def created_at_ms(body: bytes) -> int | None:
    """Return when the event of a body was made, as it tells, to the second."""
    try:
        return parse_iso(msgspec.json.decode(body, type=_Dated).created_at)
    except (msgspec.DecodeError, UnicodeDecodeError, UsageError):
        return None


def iso(ms: int) -> str:
    """Return the time in UTC to the second, like `2025-12-10T14:30:00Z`."""
    return _iso(ms // 1000)


@lru_cache(maxsize=64)
def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19] + "Z"


@lru_cache(maxsize=64)
def iso_ms(ms: int) -> str:
    """Return the time in UTC to the millisecond, like `2025-12-10T14:30:00.123Z`."""
    return f"{iso(ms)[:-1]}.{ms % 1000:03d}Z"


def parse_iso(text: str) -> int:
    """Return the milliseconds of an ISO 8601 time, in UTC's years 1 to 9999.

    Raises UsageError for other text, or without Z or an offset.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise UsageError(f"{text!r} is not a time: write it like 2025-12-10T14:30:00Z or 2025-12-10T15:30:00+01:00.")
    return min(max(_FIRST_MS, (time - _EPOCH) // _MILLISECOND), _LAST_MS)
