"""What the API answers about events and deliveries: the shapes, and how records become them.

Times become ISO 8601; bodies become text.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec
from msgspec import structs

from cstar_cli.cloud.api.answers import Time
from cstar_cli.cloud.store import records
from cstar_cli.cloud.store.reasons import CANCELED, STOPPED
from cstar_cli.cloud.store.records import DeliveryStatus, OutcomeName
from cstar_cli.events import envelope
from cstar_cli.events.envelope import iso, iso_ms
from cstar_cli.events.wires import body_in, sent_in

Names = Mapping[str, str]  # of sessions, by their ids
NO_NAMES: Names = MappingProxyType({})


class Event(msgspec.Struct):
    """An event as lists have it."""

    id: str
    type: str
    team_id: str
    created_at: Time


class Session(msgspec.Struct, rename="camel"):
    """A session of a listener; while that is away it isn't connected, and keeps getting deliveries for a while."""

    id: str
    name: str | None
    forward_to: str
    events: list[str]
    connected: bool
    opened_at: Time
    wire: str


class Delivery(msgspec.Struct, omit_defaults=True):
    """One event on its way to one target: a webhook (`whk_…`) or a listening session (`ses_…`).

    `target_name` is that of a session that has one; what answers with new deliveries leaves it out. These have
    `target_away` where nobody is connected to the session just now.
    """

    id: str
    event_id: str
    event_type: str
    target: str
    url: str
    status: DeliveryStatus
    attempt_count: int
    created_at: Time
    next_attempt_at: Time | None
    target_name: str | None = None
    target_away: bool = False


class SentEvent(msgspec.Struct, rename={"delivered_to": "deliveredTo"}):
    """An event and the deliveries that were made of it, which are durable when this is answered."""

    event: Event
    delivered_to: int
    deliveries: list[Delivery]


class EventDetails(Event, rename={"more_deliveries": "moreDeliveries"}):
    """An event with its body, exactly as it is made in its wire version, and its latest deliveries."""

    wire: str
    body: str
    deliveries: list[Delivery]
    more_deliveries: bool


class Attempt(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One attempt of a delivery; `status` is None where no answer came, `error` says why it failed.

    `target_name` is that of a session that has one.
    """

    time: Time
    event_id: str
    event_type: str
    delivery_id: str
    attempt: int
    target: str
    url: str
    status: int | None
    duration_ms: float
    outcome: OutcomeName
    error: str | None
    next_attempt_at: Time | None
    target_name: str | None = None


class AttemptDetails(Attempt, kw_only=True):
    """An attempt with what was sent and answered; `response_body` is its beginning.

    `request_body` is the event's body as its endpoint's wire version had it then.

    `error_class` is the error in one word; the times to the connection and to the first byte count from the start.
    """

    request_headers: list[tuple[str, str]]
    request_body: str
    response_headers: list[tuple[str, str]]
    response_body: str
    error_class: str | None
    connect_ms: float | None
    first_byte_ms: float | None


class DeliveryDetails(Delivery, kw_only=True):
    """A delivery with each attempt."""

    attempts: list[AttemptDetails]


class AttemptLine(Attempt, kw_only=True, tag_field="kind", tag="attempt"):
    """An attempt in the live log; with `cursor` a later request goes on after it."""

    cursor: str


class CursorLine(msgspec.Struct, tag_field="kind", tag="cursor"):
    """Everything up to this cursor has been shown; comes after attempts, and from time to time as a sign of life."""

    cursor: str


def event(record: envelope.Event | records.ListedEvent) -> Event:
    return Event(id=record.id, type=record.type, team_id=record.team_id, created_at=iso(record.created_at_ms))


def session(record: records.OpenSession) -> Session:
    return Session(
        id=record.id,
        name=record.name,
        forward_to=record.forward_to,
        events=list(record.filter.patterns),
        connected=record.is_connected,
        opened_at=iso_ms(record.opened_at_ms),
        wire=record.wire,
    )


def event_details(
    record: envelope.Event, deliveries: Sequence[records.Delivery], names: Names, more: bool
) -> EventDetails:
    return EventDetails(
        **structs.asdict(event(record)),
        wire=record.wire,
        body=record.body.decode(),
        deliveries=[delivery(made, names) for made in deliveries],
        more_deliveries=more,
    )


def sent(record: envelope.Event, deliveries: Sequence[records.Delivery]) -> SentEvent:
    return SentEvent(
        event=event(record), delivered_to=len(deliveries), deliveries=[delivery(made) for made in deliveries]
    )


def delivery(record: records.Delivery, names: Names = NO_NAMES) -> Delivery:
    return Delivery(
        id=record.id,
        event_id=record.event_id,
        event_type=record.event_type,
        target=record.target,
        url=record.url,
        status=record.status,
        attempt_count=record.attempt_count,
        created_at=iso_ms(record.created_at_ms),
        next_attempt_at=optional_time(record.next_attempt_at_ms),
        target_name=names.get(record.target),
        target_away=record.is_away,
    )


def delivery_details(
    record: records.Delivery, exchanges: Sequence[records.Exchange], event: envelope.Event, names: Names
) -> DeliveryDetails:
    posts = sum(exchange.error_class not in (STOPPED, CANCELED) for exchange in exchanges)
    return DeliveryDetails(
        **{**structs.asdict(delivery(record, names)), "attempt_count": posts},
        attempts=[_attempt_details(exchange, event, names) for exchange in exchanges],
    )


def attempt_line(record: records.Attempt, names: Names) -> AttemptLine:
    return AttemptLine(**structs.asdict(_attempt(record, names)), cursor=record.cursor)


def optional_time(ms: int | None) -> str | None:
    return None if ms is None else iso_ms(ms)


def _attempt(record: records.Attempt, names: Names) -> Attempt:
    return Attempt(
        time=iso_ms(record.started_at_ms),
        event_id=record.event_id,
        event_type=record.event_type,
        delivery_id=record.delivery_id,
        attempt=record.attempt,
        target=record.target,
        url=record.url,
        status=record.status,
        duration_ms=record.duration_ms,
        outcome=record.outcome,
        error=record.error,
        next_attempt_at=optional_time(record.next_attempt_at_ms),
        target_name=names.get(record.target),
    )


def _attempt_details(record: records.Exchange, event: envelope.Event, names: Names) -> AttemptDetails:
    sent = body_in(sent_in(record.request_headers) or event.wire, event.body, event.wire)
    return AttemptDetails(
        **structs.asdict(_attempt(record.attempt, names)),
        request_headers=list(record.request_headers),
        request_body=sent.decode(),
        response_headers=list(record.response_headers),
        response_body=record.response_body.decode(errors="replace"),
        error_class=record.error_class,
        connect_ms=record.connect_ms,
        first_byte_ms=record.first_byte_ms,
    )
