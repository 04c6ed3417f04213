"""What is stored, as plain data. Times are integer milliseconds since the epoch."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from cstar_cli.events.filters import EventFilter
from cstar_cli.events.wires import DEFAULT

DeliveryStatus = Literal["pending", "succeeded", "failed", "canceled"]
OutcomeName = Literal["succeeded", "failed", "canceled"]
Headers = tuple[tuple[str, str], ...]


class Session(msgspec.Struct, frozen=True):
    """One `listen`, over all its connections. `epoch` grows with each: results of an older one no longer count.

    With an `origin` it takes only events of that; its listener wants them in the version `wire`. In epoch 0 it isn't
    open yet.
    """

    id: str
    team_id: str
    filter: EventFilter
    forward_to: str
    epoch: int
    name: str | None = None
    origin: str | None = None
    listener: str | None = None
    wire: str = DEFAULT

    def overlaps(self, filter: EventFilter, origin: str | None) -> bool:
        """Say whether a session with these would get some of its events."""
        return (None in (self.origin, origin) or self.origin == origin) and self.filter.overlaps(filter)


class Traits(msgspec.Struct, frozen=True):
    """What a listener asks of its session beside filter and URL.

    `name` is what people call it; with an `origin` it takes only events of that. A new session that is to get what came
    since a time is in epoch 0, and open once it has caught up. Sessions of one `listener` aren't told of each other.
    `wire` is the version that it wants events in.
    """

    name: str | None = None
    origin: str | None = None
    since_ms: int | None = None
    listener: str | None = None
    wire: str = DEFAULT


class Neighbours(msgspec.Struct, frozen=True):
    """Other listeners that get some of a session's events, by their names or URLs, and how many more there are."""

    who: Sequence[str] = ()
    more: int = 0


class OpenSession(msgspec.Struct, frozen=True):
    """A session as lists have it; while its listener is away it isn't connected."""

    id: str
    name: str | None
    filter: EventFilter
    forward_to: str
    opened_at_ms: int
    is_connected: bool
    wire: str = DEFAULT


class ListedEvent(msgspec.Struct, frozen=True):
    """An event as lists have it: without its body."""

    id: str
    team_id: str
    type: str
    created_at_ms: int


class Delivery(msgspec.Struct, frozen=True):
    """One event on its way to one target: the id of a webhook (`whk_…`) or of a session (`ses_…`).

    Where it is being made, `is_away` says that nobody is connected to that session now.
    """

    id: str
    event_id: str
    event_type: str
    target: str
    url: str
    status: DeliveryStatus
    attempt_count: int
    created_at_ms: int
    next_attempt_at_ms: int | None
    is_away: bool = False


class DueDelivery(msgspec.Struct, frozen=True):
    """A session's delivery to push now, with the event's bytes, which are of the wire version `made_in`."""

    id: str
    event_id: str
    event_type: str
    attempt: int
    body: bytes
    made_in: str = DEFAULT


class Due(msgspec.Struct, frozen=True):
    """What goes to a session now; in `wait_ms` from now something more will, never when it is None."""

    deliveries: Sequence[DueDelivery]
    wait_ms: int | None = None


class Backlog(msgspec.Struct, frozen=True):
    """So many deliveries; the oldest and the newest of their events, by the order of the deliveries, are of then."""

    count: int = 0
    oldest_ms: int | None = None
    newest_ms: int | None = None

    @classmethod
    def between(cls, count: int, times: Sequence[int | None]) -> "Backlog":
        """Tell of so many deliveries, of two of whose events these are the times."""
        known = [ms for ms in times if ms is not None]
        return cls(count, min(known), max(known)) if known else cls(count)


class Arrival(msgspec.Struct, frozen=True):
    """What a new session finds: who is there, what waits for it, and what no listener was given lately."""

    neighbours: Neighbours = Neighbours()
    backlog: Backlog = Backlog()
    unheard: Backlog = Backlog()


class AttemptOutcome(msgspec.Struct, frozen=True, gc=False):
    """What came of one attempt, as whoever made it reports it. `response_body` is its beginning.

    `error_class` is one word for programs, `error` the same in words for people; `connect_ms` is None on a kept
    connection, `first_byte_ms` where no answer came. All durations count from the start of the attempt.

    A struct, as all that is made for each delivery: making a frozen dataclass takes several times as long.
    """

    delivery_id: str
    attempt: int
    succeeded: bool
    status: int | None
    error: str | None
    started_at_ms: int
    duration_ms: float
    request_headers: Headers = ()
    response_headers: Headers = ()
    response_body: bytes = b""
    error_class: str | None = None
    connect_ms: float | None = None
    first_byte_ms: float | None = None


class Retry(msgspec.Struct, frozen=True, gc=False):
    """When a delivery is tried again, and how long that is from now."""

    at_ms: int
    in_ms: int

    @staticmethod
    def at(ms: int, now_ms: int) -> "Retry":
        return Retry(ms, max(0, ms - now_ms))


WaitsMs = Mapping[str, Sequence[int]]
"""Of deliveries that are tried again when they fail, by id: the waits before each retry, from the failure on."""

Settled = Mapping[str, Retry | None]
"""Deliveries whose outcome is durable, by id; those that aren't at their end with their next attempt."""


class Report(msgspec.Struct, frozen=True):
    """What came of a session's deliveries, over one connection."""

    session: Session
    outcomes: Sequence[AttemptOutcome]
    waits_ms: WaitsMs = msgspec.field(default_factory=dict)


class Attempt(msgspec.Struct, frozen=True):
    """One attempt in the log; `cursor` is its place there, opaque to all but the store.

    What stops a delivery without a POST (a session's end, a webhook's, a cancel) stands there as an attempt too.
    """

    cursor: str
    delivery_id: str
    event_id: str
    event_type: str
    attempt: int
    target: str
    url: str
    status: int | None
    outcome: OutcomeName
    error: str | None
    started_at_ms: int
    duration_ms: float
    next_attempt_at_ms: int | None


class Exchange(msgspec.Struct, frozen=True):
    """An attempt with what was sent and answered. `response_body` is its beginning."""

    attempt: Attempt
    request_headers: Headers
    response_headers: Headers
    response_body: bytes
    error_class: str | None
    connect_ms: float | None
    first_byte_ms: float | None
