"""What a cloud keeps, as its API tells it: the client decodes it, `render` shows it. Times are ISO 8601.

Import it late: it loads msgspec.
"""

import msgspec

from cstar_cli.activity import Attempted
from cstar_cli.events.wires import DEFAULT

Headers = tuple[tuple[str, str], ...]


class Webhook(msgspec.Struct, frozen=True, rename="camel"):
    """A registered URL; `signing_secret` is there when it is new, and only then."""

    id: str
    name: str
    url: str
    events: tuple[str, ...]
    is_active: bool
    created_at: str
    updated_at: str
    disabled_reason: str | None = None
    failing_since: str | None = None
    previous_secret_valid_until: str | None = None
    signing_secret: str | None = None
    wire: str = DEFAULT


class Trial(msgspec.Struct, frozen=True, rename="camel"):
    """What came of a test delivery."""

    delivery_id: str
    event: str
    url: str
    success: bool
    status: int | None
    response_time_ms: float | None
    error: str | None


class Recovery(msgspec.Struct, frozen=True):
    """How many deliveries are tried again."""

    recovered: int


class Deleted(msgspec.Struct, frozen=True):
    """What is no more."""

    id: str


class Identity(msgspec.Struct, frozen=True, rename="camel"):
    """Whom the cloud takes us for; `key_id` and `name` are None for the token of the cloud's own home."""

    team_id: str
    key_id: str | None
    name: str | None
    read_only: bool


class ApiKey(msgspec.Struct, frozen=True, rename="camel"):
    """A key of a team; `key` itself is there when it is new, and only then."""

    id: str
    name: str
    hint: str
    read_only: bool
    created_at: str
    key: str | None = None


class Event(msgspec.Struct, frozen=True):
    """An event as lists have it."""

    id: str
    type: str
    team_id: str
    created_at: str


class Delivery(msgspec.Struct, frozen=True):
    """One event on its way to one target, a webhook or a session."""

    id: str
    event_id: str
    event_type: str
    target: str
    url: str
    status: str
    attempt_count: int
    created_at: str
    next_attempt_at: str | None
    target_name: str | None = None


class EventInFull(Event, frozen=True):
    """An event with its body and its latest deliveries."""

    body: str
    deliveries: tuple[Delivery, ...]
    more_deliveries: bool = msgspec.field(name="moreDeliveries", default=False)
    wire: str = DEFAULT


class Resent(msgspec.Struct, frozen=True):
    """The new deliveries of an event."""

    event: Event
    deliveries: tuple[Delivery, ...]


class Session(msgspec.Struct, frozen=True, rename="camel"):
    """An open session of a listener; its listener is connected, or away for a while."""

    id: str
    name: str | None
    forward_to: str
    events: tuple[str, ...]
    connected: bool
    opened_at: str
    wire: str = DEFAULT


class Exchange(Attempted, frozen=True, kw_only=True):
    """An attempt with what was sent and answered; durations count from its start, None where it came not so far."""

    request_headers: Headers
    request_body: str
    response_headers: Headers
    response_body: str
    error_class: str | None = None
    connect_ms: float | None = None
    first_byte_ms: float | None = None


class DeliveryInFull(Delivery, frozen=True, kw_only=True):
    """A delivery with all its attempts, the first one first."""

    attempts: tuple[Exchange, ...]
