"""Rows ⇄ records."""

from functools import lru_cache
from typing import Any

import msgspec

from cstar_cli.cloud.store.records import Attempt, Delivery, DueDelivery, Headers, Session, StoredEvent
from cstar_cli.events.filters import EventFilter

Row = tuple[Any, ...]  # what sqlite3 gives

EVENT = "seq, id, team_id, type, created_at_ms, body"
DELIVERY = "id, event_seq, event_id, event_type, target, url, status, attempt_count, created_at_ms, next_attempt_at_ms"
SESSION = "id, team_id, patterns, forward_to, epoch"
DUE = "d.id, d.event_seq, d.event_id, d.event_type, d.attempt_count + 1, e.body"
ATTEMPT = (
    "a.seq, a.delivery_id, d.event_id, d.event_type, a.number, d.target, d.url, a.status, a.outcome, a.error,"
    " a.started_at_ms, a.duration_ms, a.next_attempt_at_ms, a.request_headers, a.response_headers, a.response_body"
)

_headers_decoder = msgspec.json.Decoder(Headers)


def event(row: Row) -> StoredEvent:
    return StoredEvent(*row)


def delivery(row: Row) -> Delivery:
    return Delivery(*row)


def due(row: Row) -> DueDelivery:
    return DueDelivery(*row)


def session(row: Row) -> Session:
    id_, team_id, patterns, forward_to, epoch = row
    return Session(id_, team_id, _filter(patterns), forward_to, epoch)


def attempt(row: Row) -> Attempt:
    request_headers, response_headers, response_body = row[-3:]
    headers = (_headers_decoder.decode(request_headers), _headers_decoder.decode(response_headers))
    return Attempt(*(*row[:-3], *headers, response_body))


def patterns(filter: EventFilter) -> str:
    return ",".join(filter.patterns)


def headers(pairs: Headers) -> str:
    return msgspec.json.encode(pairs).decode()


@lru_cache(maxsize=1024)
def _filter(patterns: str) -> EventFilter:
    return EventFilter.parse([patterns])
