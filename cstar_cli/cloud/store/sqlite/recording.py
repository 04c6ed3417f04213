"""Attempts as they come into the log, within a transaction that the writer holds."""

import sqlite3
from collections.abc import Sequence
from functools import cache

import msgspec

from cstar_cli.cloud.store.records import AttemptOutcome, OutcomeName
from cstar_cli.cloud.store.sqlite import leases, rows
from cstar_cli.cloud.store.sqlite.chunks import chunks, values

_INSERT = (
    "INSERT INTO attempts (team_id, delivery_seq, delivery_id, event_seq, event_id, event_type, target, url, number,"
    " recorded_at_ms, started_at_ms, duration_ms, status, outcome, error, error_class, connect_ms, first_byte_ms,"
    " next_attempt_at_ms, request_headers, response_headers, response_body)"
)
_OF_DELIVERY = "d.team_id, d.seq, d.id, d.event_seq, d.event_id, d.event_type, d.target, d.url"


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """An attempt to log: of which delivery, when, and when the next one follows if any."""

    seq: int
    outcome: AttemptOutcome
    recorded_at_ms: int
    next_attempt_at_ms: int | None = None


def recording_time(connection: sqlite3.Connection, team_id: str, now_ms: int) -> int:
    """Return now, or the time of the team's last attempt if the clock has jumped back: times grow with sequences."""
    last = connection.execute(
        "SELECT recorded_at_ms FROM attempts WHERE team_id = ? ORDER BY seq DESC LIMIT 1", (team_id,)
    ).fetchone()
    return max(now_ms, int(last[0])) if last else now_ms


def record(connection: sqlite3.Connection, attempts: Sequence[Recorded]) -> None:
    """Log attempts that were made, in their order."""
    for chunk in chunks(attempts):
        connection.execute(_record(len(chunk)), [value for attempt in chunk for value in _values(attempt)])


@cache
def _record(count: int) -> str:
    given = ", ".join(f"column{number}" for number in range(2, 16))
    return (
        f"{_INSERT} SELECT {_OF_DELIVERY}, {given}"
        f" FROM ({values(15, count)}) CROSS JOIN deliveries d ON d.seq = column1"
    )


def _values(attempt: Recorded) -> rows.Row:
    outcome = attempt.outcome
    return (
        attempt.seq,
        outcome.attempt,
        attempt.recorded_at_ms,
        outcome.started_at_ms,
        outcome.duration_ms,
        outcome.status,
        "succeeded" if outcome.succeeded else "failed",
        outcome.error,
        outcome.error_class,
        outcome.connect_ms,
        outcome.first_byte_ms,
        attempt.next_attempt_at_ms,
        rows.headers(outcome.request_headers),
        rows.headers(outcome.response_headers),
        outcome.response_body,
    )


def stop(
    connection: sqlite3.Connection,
    team_id: str,
    seqs: Sequence[int],
    outcome: OutcomeName,
    reason: str,
    error_class: str,
    now_ms: int,
) -> None:
    """End pending deliveries of a team without a POST, each with an attempt in the log that says why."""
    chosen = msgspec.json.encode(seqs).decode()
    connection.execute(
        f"{_INSERT} SELECT {_OF_DELIVERY}, attempt_count + 1, ?, ?, 0, NULL, ?, ?, ?, NULL, NULL, NULL, '[]', '[]', x''"
        " FROM deliveries d WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq",
        (recording_time(connection, team_id, now_ms), now_ms, outcome, reason, error_class, chosen),
    )
    connection.execute(
        "UPDATE deliveries SET status = ?, attempt_count = attempt_count + 1, next_attempt_at_ms = NULL,"
        " due_at_ms = NULL WHERE seq IN (SELECT value FROM json_each(?))",
        (outcome, chosen),
    )
    leases.end(connection, chosen)
