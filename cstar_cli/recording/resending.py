"""A recorded delivery as it is sent again: signed anew, by the recording's wire version or another."""

import re
from collections.abc import Callable

import msgspec

from cstar_cli.events import canonical
from cstar_cli.events.envelope import new_id
from cstar_cli.events.wires import NAMES, wire
from cstar_cli.events.wires.wire import Sending, translated
from cstar_cli.recording.format import Damaged, Delivery, body_of

Headers = tuple[tuple[str, str], ...]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")
_MADE_ANEW = frozenset({"content-type", "content-length", "host", "connection", "transfer-encoding"})
_AGENT = "user-agent"


class Again(msgspec.Struct, frozen=True):
    """What is sent again."""

    event_id: str
    delivery_id: str
    headers: Headers
    body: bytes


class How(msgspec.Struct, frozen=True):
    """How deliveries are sent again: a `wire` of None is the recording's, `own` headers win over recorded ones."""

    secret: str
    wire: str | None = None
    own: Headers = ()
    fresh_ids: bool = False


class Resender:
    """Makes them; with fresh ids, those of one event or delivery are the same each time."""

    def __init__(self, how: How, now_ms: Callable[[], int]) -> None:
        self._how = how
        self._now_ms = now_ms
        self._events: dict[str, str] = {}
        self._deliveries: dict[str, str] = {}

    def again(self, recorded: Delivery) -> Again:
        """Return what to send now. Raises Damaged for what can't be sent."""
        if recorded.wire not in NAMES:
            raise Damaged(f"Delivery {recorded.number} is of wire version {recorded.wire}: update cstar.")
        made_in, at_ms = wire(recorded.wire), self._now_ms()
        wanted = made_in if self._how.wire is None else wire(self._how.wire)
        event_id, delivery_id, body = recorded.event_id, recorded.delivery_id, body_of(recorded)
        if wanted is not made_in:
            body = translated(body, made_in, wanted)
        if self._how.fresh_ids:
            event_id = self._events.setdefault(event_id, wanted.event_id(recorded.event_type, at_ms))
            delivery_id = self._deliveries.setdefault(delivery_id, new_id("dlv"))
            body = _with_id(body, event_id)
        sending = Sending(
            event_id=event_id,
            event_type=recorded.event_type,
            delivery_id=delivery_id,
            endpoint_id=recorded.session_id or new_id("ses"),
            attempt=recorded.attempt,
            at_ms=at_ms,
            body=body,
        )
        return Again(event_id, delivery_id, wanted.headers(sending, self._how.secret) + self._others(recorded), body)

    def _others(self, recorded: Delivery) -> Headers:
        """Return the user's headers: those of the recording that weren't removed, and those that are given now."""
        own = {name.lower() for name, _ in self._how.own}
        kept = []
        for name, value in recorded.headers:
            if value is None or name.lower() in own or name.lower() in _not_kept():
                continue
            if not _NAME.fullmatch(name) or _UNSENDABLE.search(value):
                raise Damaged(f"Delivery {recorded.number} has a header that can't be sent: {name!r}.")
            kept.append((name, value))
        kept += self._how.own
        has_agent = any(name.lower() == _AGENT for name, _ in kept)
        return tuple(kept) if has_agent else ((_AGENT, "cstar-cli"), *kept)


def removed_headers(recorded: Delivery) -> list[str]:
    """Return the names of the user's headers whose values the recording doesn't have."""
    return [name for name, value in recorded.headers if value is None and name.lower() not in _not_kept()]


def _not_kept() -> frozenset[str]:
    return _MADE_ANEW.union(*(wire(name).own_headers for name in NAMES))


def _with_id(body: bytes, event_id: str) -> bytes:
    event = canonical.parse(body)
    if isinstance(event, dict) and "id" in event:
        event["id"] = event_id
    return canonical.dumps(event)
