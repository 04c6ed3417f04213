"""The envelope: the same for every event, its bytes made once (cStar webhooks, 2025-12)."""

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cstar_cli.errors import UsageError
from cstar_cli.events import canonical
from cstar_cli.events.canonical import Json
from cstar_cli.events.catalogue import MAX_NAME_CHARS, is_valid_name

MAX_BODY_BYTES = 1024 * 1024

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_ID_BYTES = 18


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `body` is what is signed and sent, and is never written again."""

    id: str
    type: str
    team_id: str
    created_at_ms: int
    body: bytes


def new_id(prefix: str, random_bytes: Callable[[int], bytes] = os.urandom) -> str:
    """Return a fresh id: the prefix (`evt`, `dlv`, `ses`, `whk`, `req`), `_`, and 24 random URL-safe characters."""
    return f"{prefix}_{base64.urlsafe_b64encode(random_bytes(_ID_BYTES)).decode()}"


def new_event_id() -> str:
    """Return a fresh event id."""
    return new_id("evt")


def build_event(
    event_type: str, data: Json, team_id: str, now_ms: int, new_id: Callable[[], str] = new_event_id
) -> Event:
    """Make the event and its canonical bytes.

    Raises UsageError for a type that is not `resource.action`, MalformedJson for data nested too deeply.
    """
    if not is_valid_name(event_type):
        raise UsageError(
            f"{event_type!r} is not an event type: it must look like resource.action, in lower-case letters, "
            f"digits and underscores, at most {MAX_NAME_CHARS} characters."
        )
    event_id = new_id()
    body = canonical.dumps(
        {"id": event_id, "type": event_type, "team_id": team_id, "created_at": iso(now_ms), "data": data}
    )
    return Event(event_id, event_type, team_id, now_ms, body)


def iso(ms: int) -> str:
    """Return the time in UTC to the second, like `2025-12-10T14:30:00Z`."""
    return datetime.fromtimestamp(ms // 1000, UTC).isoformat()[:19] + "Z"


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
