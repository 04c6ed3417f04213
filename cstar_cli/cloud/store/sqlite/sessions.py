"""The changes of sessions, each within a transaction that the writer holds."""

import sqlite3
from collections.abc import Collection, Sequence

import msgspec

from cstar_cli.cloud.store.reasons import CANCELED, SKIPPED, STOPPED
from cstar_cli.cloud.store.records import AttemptOutcome, Report, Retry, Session, Settled
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.recording import Recorded, record, recording_time, stop
from cstar_cli.cloud.store.sqlite.writer import Written
from cstar_cli.cloud.store.wakeups import attempts_of


def open_session(connection: sqlite3.Connection, session: Session, now_ms: int) -> Written[Session]:
    connection.execute(
        "INSERT INTO sessions (id, team_id, patterns, forward_to, epoch, opened_at_ms, name, origin,"
        " listener, away_since_ms, wire) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (session.id, session.team_id, rows.patterns(session.filter), session.forward_to, session.epoch, now_ms)
        + (session.name, session.origin, session.listener, None if session.epoch else now_ms, session.wire),
    )
    return Written(session)


def resume_session(connection: sqlite3.Connection, wanted: Session) -> Written[Session | None]:
    """Put the session into its next epoch, with the wanted filter and URL."""
    row = connection.execute(
        "UPDATE sessions SET epoch = epoch + 1, patterns = ?, forward_to = ?, name = ?, origin = ?, listener = ?,"
        " wire = ?, away_since_ms = NULL"
        f" WHERE id = ? AND team_id = ? AND ended_at_ms IS NULL RETURNING {rows.SESSION}",
        (rows.patterns(wanted.filter), wanted.forward_to, wanted.name, wanted.origin, wanted.listener)
        + (wanted.wire, wanted.id, wanted.team_id),
    ).fetchone()
    return Written(rows.session(row) if row else None, topics=[wanted.id] if row else ())


def leave_session(connection: sqlite3.Connection, session: Session, now_ms: int) -> Written[None]:
    connection.execute(
        "UPDATE sessions SET away_since_ms = ?"
        " WHERE id = ? AND epoch = ? AND ended_at_ms IS NULL AND away_since_ms IS NULL",
        (now_ms, session.id, session.epoch),
    )
    return Written(None)


def end_session(connection: sqlite3.Connection, session: Session, reason: str, now_ms: int) -> Written[None]:
    """Close the session unless it has gone on in a later epoch; fail what it hasn't answered."""
    ended = connection.execute(
        "UPDATE sessions SET ended_at_ms = ? WHERE id = ? AND epoch = ? AND ended_at_ms IS NULL",
        (now_ms, session.id, session.epoch),
    ).rowcount
    if not ended:
        return Written(None)
    unanswered = connection.execute(
        f"SELECT seq FROM deliveries INDEXED BY untried_deliveries WHERE target = :id AND {rows.UNTRIED}"
        f" UNION ALL SELECT seq FROM deliveries INDEXED BY tried_deliveries WHERE target = :id AND {rows.TRIED}",
        {"id": session.id},
    )
    seqs = [seq for (seq,) in unanswered]
    stop(connection, session.team_id, seqs, "failed", reason, STOPPED, now_ms)
    return Written(None, topics=[session.id, attempts_of(session.team_id)])


def skip_some(
    connection: sqlite3.Connection, session: Session, without: Collection[str], most: int, now_ms: int
) -> Written[int]:
    """Cancel the first of what waits for the session; answer how many these were."""
    waiting = connection.execute(
        "SELECT d.seq FROM sessions s JOIN deliveries d ON d.target = s.id AND d.status = 'pending'"
        " AND d.due_at_ms IS NULL AND d.attempt_count = 0 AND d.id NOT IN (SELECT value FROM json_each(?))"
        " WHERE s.id = ? AND s.epoch = ? AND s.ended_at_ms IS NULL ORDER BY d.seq LIMIT ?",
        (msgspec.json.encode(list(without)).decode(), session.id, session.epoch, most),
    )
    seqs = [seq for (seq,) in waiting]
    if not seqs:
        return Written(0)
    stop(connection, session.team_id, seqs, "canceled", SKIPPED, CANCELED, now_ms)
    return Written(len(seqs), topics=[attempts_of(session.team_id)])


def end_one_lost(connection: sqlite3.Connection, grace_ms: int, reason: str, now_ms: int) -> Written[bool]:
    """End the session that has been away for longest, if its grace is over."""
    row = connection.execute(
        f"SELECT {rows.SESSION} FROM sessions WHERE ended_at_ms IS NULL AND away_since_ms <= ?"
        " ORDER BY away_since_ms LIMIT 1",
        (now_ms - grace_ms,),
    ).fetchone()
    if not row:
        return Written(False)
    return Written(True, end_session(connection, rows.session(row), reason, now_ms).topics)


def settle(connection: sqlite3.Connection, reports: Sequence[Report], now_ms: int) -> list[Written[Settled]]:
    """Record the attempts; answer the deliveries that are settled, by now or by an earlier report."""
    current = _current(connection, reports)
    recorded_at_ms: dict[str, int] = {}
    attempts: list[Recorded] = []
    answers: list[Written[Settled]] = []
    for report in reports:
        session = report.session
        if (session.id, session.epoch) not in current:
            answers.append(Written({}))
            continue
        if session.team_id not in recorded_at_ms:
            recorded_at_ms[session.team_id] = recording_time(connection, session.team_id, now_ms)
        settled: dict[str, Retry | None] = {}
        for outcome in report.outcomes:
            found = _settle(connection, report, outcome, now_ms)
            if found is not None:
                seq, retry_at_ms = found
                attempts.append(Recorded(seq, outcome, recorded_at_ms[session.team_id], retry_at_ms))
            elif (known := _known(connection, session, outcome)) is not None:
                (retry_at_ms,) = known
            else:
                continue
            settled[outcome.delivery_id] = None if retry_at_ms is None else Retry.at(retry_at_ms, now_ms)
        answers.append(Written(settled, topics=[attempts_of(session.team_id)]))
    record(connection, attempts)
    return answers


def _current(connection: sqlite3.Connection, reports: Sequence[Report]) -> Collection[tuple[str, int]]:
    """Return the ids and epochs of their sessions, as far as these are open."""
    ids = msgspec.json.encode([report.session.id for report in reports]).decode()
    found = connection.execute(
        "SELECT id, epoch FROM sessions WHERE id IN (SELECT value FROM json_each(?)) AND ended_at_ms IS NULL", (ids,)
    )
    return {(id_, epoch) for id_, epoch in found}


_FINAL = """
UPDATE deliveries SET status = ?, attempt_count = ?, next_attempt_at_ms = NULL
WHERE id = ? AND target = ? AND status = 'pending' AND attempt_count = ? - 1 RETURNING seq, next_attempt_at_ms
"""
# Beyond the last wait there is none, which is NULL.
_AGAIN = """
UPDATE deliveries SET status = iif(wait_ms IS NULL, 'failed', 'pending'), attempt_count = :attempt,
    next_attempt_at_ms = :now_ms + wait_ms
FROM (
    SELECT seq AS number, json_extract(:waits_ms, '$[' || (:attempt - first_attempt) || ']') AS wait_ms
    FROM deliveries WHERE id = :id
)
WHERE seq = number AND target = :target AND status = 'pending' AND attempt_count = :attempt - 1
RETURNING seq, next_attempt_at_ms
"""


def _settle(
    connection: sqlite3.Connection, report: Report, outcome: AttemptOutcome, now_ms: int
) -> tuple[int, int | None] | None:
    """Settle the delivery if it is to be settled now; return its number, and when it is tried again."""
    waits_ms = None if outcome.succeeded else report.waits_ms.get(outcome.delivery_id)
    if waits_ms is None:
        updated = connection.execute(
            _FINAL,
            ("succeeded" if outcome.succeeded else "failed", outcome.attempt)
            + (outcome.delivery_id, report.session.id, outcome.attempt),
        )
    else:
        values = {"waits_ms": msgspec.json.encode(waits_ms).decode(), "now_ms": now_ms, "attempt": outcome.attempt}
        updated = connection.execute(_AGAIN, {**values, "id": outcome.delivery_id, "target": report.session.id})
    found = updated.fetchall()
    return found[0] if found else None


def _known(connection: sqlite3.Connection, session: Session, outcome: AttemptOutcome) -> tuple[int | None] | None:
    """Return when the delivery is tried again, if ever, where the attempt has been recorded before."""
    known: tuple[int | None] | None = connection.execute(
        "SELECT next_attempt_at_ms FROM deliveries WHERE id = ? AND target = ? AND attempt_count >= ?",
        (outcome.delivery_id, session.id, outcome.attempt),
    ).fetchone()
    return known
