"""Records → JSON. Times become ISO 8601; bodies become text."""

from cstar_cli.cloud.store.records import Attempt, Delivery, Exchange, ListedEvent
from cstar_cli.events.envelope import Event, iso, iso_ms

View = dict[str, object]


def event(record: Event | ListedEvent) -> View:
    return {
        "id": record.id,
        "type": record.type,
        "team_id": record.team_id,
        "created_at": iso(record.created_at_ms),
    }


def event_with_body(record: Event) -> View:
    return event(record) | {"body": record.body.decode()}


def delivery(record: Delivery) -> View:
    return {
        "id": record.id,
        "event_id": record.event_id,
        "event_type": record.event_type,
        "target": record.target,
        "url": record.url,
        "status": record.status,
        "attempt_count": record.attempt_count,
        "created_at": iso_ms(record.created_at_ms),
        "next_attempt_at": _time(record.next_attempt_at_ms),
    }


def attempt(record: Attempt) -> View:
    return {
        "time": iso_ms(record.started_at_ms),
        "event_id": record.event_id,
        "event_type": record.event_type,
        "delivery_id": record.delivery_id,
        "attempt": record.attempt,
        "target": record.target,
        "url": record.url,
        "status": record.status,
        "duration_ms": record.duration_ms,
        "outcome": record.outcome,
        "error": record.error,
        "next_attempt_at": _time(record.next_attempt_at_ms),
    }


def exchange(record: Exchange, request_body: bytes) -> View:
    return attempt(record.attempt) | {
        "request_headers": record.request_headers,
        "request_body": request_body.decode(),
        "response_headers": record.response_headers,
        "response_body": record.response_body.decode(errors="replace"),
    }


def _time(ms: int | None) -> str | None:
    return None if ms is None else iso_ms(ms)
