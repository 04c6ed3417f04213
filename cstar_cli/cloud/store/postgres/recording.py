"""Attempts as they come into the log."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cstar_cli.cloud.store.postgres import rows
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.records import AttemptOutcome, OutcomeName

T = TypeVar("T")

_RECORD = """
INSERT INTO attempts (
    team_id, delivery_id, event_seq, event_id, event_type, target, url, number, lease, recorded_at_ms, started_at_ms,
    duration_ms, status, outcome, error, error_class, connect_ms, first_byte_ms, next_attempt_at_ms, request_headers,
    response_headers, response_body
)
SELECT team_id, id, event_seq, event_id, event_type, target, url, number, lease, (SELECT now_ms()), started_at_ms,
    duration_ms, given.status, outcome, error, error_class, connect_ms, first_byte_ms, given.next_attempt_at_ms,
    request_headers, response_headers, response_body
FROM unnest(
    $1::bigint[], $2::integer[], $3::bigint[], $4::bigint[], $5::double precision[], $6::integer[], $7::text[],
    $8::text[], $9::text[], $10::double precision[], $11::double precision[], $12::bigint[], $13::text[], $14::text[],
    $15::bytea[]
) WITH ORDINALITY AS given (
    seq, number, lease, started_at_ms, duration_ms, status, outcome, error, error_class, connect_ms, first_byte_ms,
    next_attempt_at_ms, request_headers, response_headers, response_body, place
)
CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE deliveries.seq = given.seq LIMIT 1) d ORDER BY place
"""
_STOP = """
WITH stopped AS (
    UPDATE deliveries SET status = $2, attempt_count = attempt_count + 1, next_attempt_at_ms = NULL
    WHERE seq = ANY ($1::bigint[]) AND status = 'pending' RETURNING *
), unqueued AS (
    DELETE FROM queue WHERE seq = ANY ($1::bigint[])
)
INSERT INTO attempts (
    team_id, delivery_id, event_seq, event_id, event_type, target, url, number, recorded_at_ms, started_at_ms,
    duration_ms, outcome, error, error_class, request_headers, response_headers, response_body
)
SELECT team_id, id, event_seq, event_id, event_type, target, url, attempt_count, now.ms, now.ms, 0, $2, $3, $4,
    '[]', '[]', ''
FROM stopped, (SELECT now_ms() AS ms) now ORDER BY seq
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An attempt to log: of which delivery, under which lease if any, and when the next one follows."""

    seq: int
    outcome: AttemptOutcome
    lease: int | None = None
    next_attempt_at_ms: int | None = None


async def record(connection: Connection, attempts: Sequence[Recorded]) -> None:
    """Log attempts that were made, in their order."""
    outcomes = [attempt.outcome for attempt in attempts]
    await connection.execute(
        _RECORD,
        [attempt.seq for attempt in attempts],
        [outcome.attempt for outcome in outcomes],
        [attempt.lease for attempt in attempts],
        [outcome.started_at_ms for outcome in outcomes],
        [outcome.duration_ms for outcome in outcomes],
        [outcome.status for outcome in outcomes],
        ["succeeded" if outcome.succeeded else "failed" for outcome in outcomes],
        sparse([outcome.error for outcome in outcomes]),
        sparse([outcome.error_class for outcome in outcomes]),
        sparse([outcome.connect_ms for outcome in outcomes]),
        sparse([outcome.first_byte_ms for outcome in outcomes]),
        sparse([attempt.next_attempt_at_ms for attempt in attempts]),
        [rows.headers(outcome.request_headers) for outcome in outcomes],
        [rows.headers(outcome.response_headers) for outcome in outcomes],
        [outcome.response_body for outcome in outcomes],
    )


def sparse(values: list[T]) -> list[T]:
    """Return a column for `unnest`, which fills up what is short with NULL: without its values if it has none."""
    return values if any(value is not None for value in values) else []


async def stop(
    connection: Connection, seqs: Collection[int], outcome: OutcomeName, reason: str, error_class: str
) -> None:
    """End pending deliveries without a POST, each with an attempt in the log that says why."""
    if seqs:
        await connection.execute(_STOP, list(seqs), outcome, reason, error_class)
