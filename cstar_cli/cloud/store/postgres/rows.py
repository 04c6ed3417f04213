"""Rows ⇄ records."""

from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from cstar_cli.cloud.store.accounts import ApiKey
from cstar_cli.cloud.store.postgres.connection import Row
from cstar_cli.cloud.store.postgres.cursor import Cursor
from cstar_cli.cloud.store.reasons import CANCELED, STOPPED
from cstar_cli.cloud.store.records import (
    Attempt,
    Delivery,
    Exchange,
    Headers,
    ListedEvent,
    OpenSession,
    Session,
)
from cstar_cli.cloud.store.webhooks import Webhook
from cstar_cli.events.envelope import Event
from cstar_cli.events.filters import EventFilter

Values: TypeAlias = Row | tuple[Any, ...]

SESSION_PREFIX = "ses_"
WEBHOOK_PREFIX = "whk_"

EVENT = "id, type, team_id, created_at_ms, body, origin, wire"
LISTED_EVENT = "seq, id, team_id, type, created_at_ms"
DELIVERY = "id, event_id, event_type, target, url, status, attempt_count, created_at_ms, next_attempt_at_ms"
# What stopped a delivery is numbered like an attempt, and is none.
_POSTS = (
    "attempt_count - (SELECT count(*) FROM attempts a WHERE a.delivery_id = deliveries.id"
    f" AND a.error_class IN ('{STOPPED}', '{CANCELED}')) AS attempt_count"
)
LISTED_DELIVERY = f"seq, {DELIVERY}".replace("attempt_count", _POSTS)
SESSION = "id, team_id, patterns, forward_to, epoch, name, origin, listener, wire"
NEIGHBOUR = "id, coalesce(name, forward_to), patterns, origin"
OPEN_SESSION = "id, name, patterns, forward_to, opened_at_ms, away_since_ms IS NULL, wire"
ATTEMPT = (
    "xid, seq, delivery_id, event_id, event_type, number, target, url, status, outcome, error,"
    " started_at_ms, duration_ms, next_attempt_at_ms"
)
EXCHANGE = f"{ATTEMPT}, request_headers, response_headers, response_body, error_class, connect_ms, first_byte_ms"
WEBHOOK = (
    "id, team_id, name, url, patterns, secret, is_active, created_at_ms, updated_at_ms,"
    " CASE WHEN previous_secret_until_ms > now_ms() THEN previous_secret END AS previous_secret,"
    " CASE WHEN previous_secret_until_ms > now_ms() THEN previous_secret_until_ms END AS previous_secret_until_ms,"
    " disabled_reason, failing_since_ms, wire"
)
API_KEY = "id, team_id, name, hash, hint, read_only, created_at_ms, revoked_at_ms"

_headers_decoder = msgspec.json.Decoder(Headers)


def event(row: Values) -> Event:
    return Event(*row)


def listed_event(row: Values) -> ListedEvent:
    return ListedEvent(*tuple(row)[1:])


def delivery(row: Values) -> Delivery:
    return Delivery(*row)


def listed_delivery(row: Values) -> Delivery:
    return Delivery(*tuple(row)[1:])


def session(row: Values) -> Session:
    id_, team_id, patterns, *others = row
    return Session(id_, team_id, filter(patterns), *others)


def open_session(row: Values) -> OpenSession:
    id_, name, patterns, forward_to, opened_at_ms, is_connected, wire = row
    return OpenSession(id_, name, filter(patterns), forward_to, opened_at_ms, bool(is_connected), wire)


def attempt(row: Values) -> Attempt:
    values = tuple(row)[:14]
    return Attempt(str(Cursor(*values[:2])), *values[2:])


def exchange(row: Values) -> Exchange:
    request_headers, response_headers, *others = tuple(row)[14:]
    return Exchange(
        attempt(row), _headers_decoder.decode(request_headers), _headers_decoder.decode(response_headers), *others
    )


def webhook(row: Values) -> Webhook:
    id_, team_id, name, url, patterns, *others = row
    return Webhook(id_, team_id, name, url, filter(patterns), *others)


def api_key(row: Values) -> ApiKey:
    return ApiKey(*row)


def patterns(filter: EventFilter) -> str:
    return ",".join(filter.patterns)


def headers(pairs: Headers) -> str:
    return msgspec.json.encode(pairs).decode()


@lru_cache(maxsize=1024)
def filter(patterns: str) -> EventFilter:
    return EventFilter.parse([patterns])
