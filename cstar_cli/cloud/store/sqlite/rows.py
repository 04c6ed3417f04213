"""Rows ⇄ records."""

from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from cstar_cli.cloud.store.accounts import ApiKey
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

T = TypeVar("T")
Row = tuple[Any, ...]  # what sqlite3 gives

SESSION_PREFIX = "ses_"
WEBHOOK_PREFIX = "whk_"

EVENT = "id, type, team_id, created_at_ms, body, origin, wire"
LISTED_EVENT = "seq, id, team_id, type, created_at_ms"
DELIVERY = "seq, id, event_id, event_type, target, url, status, attempt_count, created_at_ms, next_attempt_at_ms"
# What stopped a delivery is numbered like an attempt, and is none.
_POSTS = (
    "attempt_count - (SELECT count(*) FROM attempts a WHERE a.delivery_seq = deliveries.seq"
    f" AND a.error_class IN ('{STOPPED}', '{CANCELED}')) AS attempt_count"
)
LISTED_DELIVERY = DELIVERY.replace("attempt_count", _POSTS)
SESSION = "id, team_id, patterns, forward_to, epoch, name, origin, listener, wire"
NEIGHBOUR = "id, coalesce(name, forward_to), patterns, origin"
OPEN_SESSION = "id, name, patterns, forward_to, opened_at_ms, away_since_ms IS NULL, wire"
ATTEMPT = (
    "seq, delivery_id, event_id, event_type, number, target, url, status, outcome, error,"
    " started_at_ms, duration_ms, next_attempt_at_ms"
)
EXCHANGE = f"{ATTEMPT}, request_headers, response_headers, response_body, error_class, connect_ms, first_byte_ms"
WEBHOOK = (
    "id, team_id, name, url, patterns, secret, is_active, created_at_ms, updated_at_ms, previous_secret,"
    " previous_secret_until_ms, disabled_reason, failing_since_ms, wire"
)
API_KEY = "id, team_id, name, hash, hint, read_only, created_at_ms, revoked_at_ms"

# Which of a session's deliveries are pending; each of the two has an index of its own.
UNTRIED = "status = 'pending' AND due_at_ms IS NULL AND attempt_count = 0"
TRIED = "status = 'pending' AND due_at_ms IS NULL AND attempt_count > 0"

_headers_decoder = msgspec.json.Decoder(Headers)


def event(row: Row) -> Event:
    return Event(*row)


def listed_event(row: Row) -> ListedEvent:
    return ListedEvent(*row[1:])


def delivery(row: Row) -> Delivery:
    return Delivery(*row[1:])


def session(row: Row) -> Session:
    id_, team_id, patterns, *others = row
    return Session(id_, team_id, filter(patterns), *others)


def open_session(row: Row) -> OpenSession:
    id_, name, patterns, forward_to, opened_at_ms, is_connected, wire = row
    return OpenSession(id_, name, filter(patterns), forward_to, opened_at_ms, bool(is_connected), wire)


def attempt(row: Row) -> Attempt:
    return Attempt(str(row[0]), *row[1:])


def exchange(row: Row) -> Exchange:
    *of_attempt, request_headers, response_headers, response_body, error_class, connect_ms, first_byte_ms = row
    return Exchange(
        attempt(tuple(of_attempt)),
        _headers_decoder.decode(request_headers),
        _headers_decoder.decode(response_headers),
        response_body,
        error_class,
        connect_ms,
        first_byte_ms,
    )


def webhook(row: Row, now_ms: int) -> Webhook:
    """The webhook as it is at that time: an overlap of secrets that is over is none."""
    id_, team_id, name, url, patterns, secret, is_active, created_at_ms, updated_at_ms, previous, until_ms, *rest = row
    if until_ms is not None and until_ms <= now_ms:
        previous = until_ms = None
    return Webhook(
        id_,
        team_id,
        name,
        url,
        filter(patterns),
        secret,
        bool(is_active),
        created_at_ms,
        updated_at_ms,
        previous,
        until_ms,
        *rest,
    )


def api_key(row: Row) -> ApiKey:
    id_, team_id, name, hash, hint, read_only, created_at_ms, revoked_at_ms = row
    return ApiKey(id_, team_id, name, hash, hint, bool(read_only), created_at_ms, revoked_at_ms)


def patterns(filter: EventFilter) -> str:
    return ",".join(filter.patterns)


def headers(pairs: Headers) -> str:
    return msgspec.json.encode(pairs).decode()


@lru_cache(maxsize=1024)
def filter(patterns: str) -> EventFilter:
    return EventFilter.parse([patterns])
