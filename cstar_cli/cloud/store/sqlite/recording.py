"""Attempts as they come into the log, within a transaction that the writer holds."""

import json
import sqlite3
from collections.abc import Collection

from cstar_cli.cloud.store.records import AttemptOutcome, OutcomeName
from cstar_cli.cloud.store.sqlite import rows

_INSERT = (
    "INSERT INTO attempts (team_id, delivery_id, event_id, event_type, target, url, number, recorded_at_ms,"
    " started_at_ms, duration_ms, status, outcome, error, error_class, connect_ms, first_byte_ms, next_attempt_at_ms,"
    " request_headers, response_headers, response_body)"
)


def recording_time(connection: sqlite3.Connection, team_id: str, now_ms: int) -> int:
    """Return now, or the time of the team's last attempt if the clock has jumped back: times grow with sequences."""
    (last_ms,) = connection.execute(
        "SELECT coalesce(max(recorded_at_ms), 0) FROM attempts WHERE team_id = ?", (team_id,)
    ).fetchone()
    return max(now_ms, int(last_ms))


def record(
    connection: sqlite3.Connection, outcome: AttemptOutcome, recorded_at_ms: int, next_attempt_at_ms: int | None
) -> None:
    """Log an attempt that was made."""
    connection.execute(
        f"{_INSERT} SELECT team_id, id, event_id, event_type, target, url, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
        " FROM deliveries WHERE id = ?",
        (outcome.attempt, recorded_at_ms, outcome.started_at_ms, outcome.duration_ms, outcome.status)
        + ("succeeded" if outcome.succeeded else "failed", outcome.error, outcome.error_class)
        + (outcome.connect_ms, outcome.first_byte_ms, next_attempt_at_ms)
        + (rows.headers(outcome.request_headers), rows.headers(outcome.response_headers), outcome.response_body)
        + (outcome.delivery_id,),
    )


def stop(
    connection: sqlite3.Connection,
    team_id: str,
    seqs: Collection[int],
    outcome: OutcomeName,
    reason: str,
    error_class: str,
    now_ms: int,
) -> None:
    """End pending deliveries of a team without a POST, each with an attempt in the log that says why."""
    chosen = json.dumps(list(seqs))
    connection.execute(
        f"{_INSERT} SELECT team_id, id, event_id, event_type, target, url, attempt_count + 1, ?, ?, 0, NULL, ?, ?, ?,"
        " NULL, NULL, NULL, '[]', '[]', x'' FROM deliveries WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq",
        (recording_time(connection, team_id, now_ms), now_ms, outcome, reason, error_class, chosen),
    )
    connection.execute(
        "UPDATE deliveries SET status = ?, attempt_count = attempt_count + 1, next_attempt_at_ms = NULL,"
        " due_at_ms = NULL, leased_until_ms = NULL WHERE seq IN (SELECT value FROM json_each(?))",
        (outcome, chosen),
    )
