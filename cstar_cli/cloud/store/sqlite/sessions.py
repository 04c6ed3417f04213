"""The changes of sessions, each within a transaction that the writer holds."""

import sqlite3
from collections.abc import Collection, Sequence

import msgspec

from cstar_cli.cloud.store.reasons import STOPPED
from cstar_cli.cloud.store.records import AttemptOutcome, Report, Session
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.recording import Recorded, record, recording_time, stop
from cstar_cli.cloud.store.sqlite.writer import Written
from cstar_cli.cloud.store.wakeups import attempts_of


def open_session(connection: sqlite3.Connection, session: Session, now_ms: int) -> Written[Session]:
    connection.execute(
        "INSERT INTO sessions (id, team_id, patterns, forward_to, epoch, opened_at_ms) VALUES (?, ?, ?, ?, ?, ?)",
        (session.id, session.team_id, rows.patterns(session.filter), session.forward_to, session.epoch, now_ms),
    )
    return Written(session)


def resume_session(connection: sqlite3.Connection, wanted: Session) -> Written[Session | None]:
    """Put the session into its next epoch, with the wanted filter and URL."""
    row = connection.execute(
        "UPDATE sessions SET epoch = epoch + 1, patterns = ?, forward_to = ?, away_since_ms = NULL"
        f" WHERE id = ? AND team_id = ? AND ended_at_ms IS NULL RETURNING {rows.SESSION}",
        (rows.patterns(wanted.filter), wanted.forward_to, wanted.id, wanted.team_id),
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
        "SELECT seq FROM deliveries WHERE target = ? AND status = 'pending' AND due_at_ms IS NULL", (session.id,)
    )
    seqs = [seq for (seq,) in unanswered]
    stop(connection, session.team_id, seqs, "failed", reason, STOPPED, now_ms)
    return Written(None, topics=[session.id, attempts_of(session.team_id)])


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


def settle(connection: sqlite3.Connection, reports: Sequence[Report], now_ms: int) -> list[Written[Sequence[str]]]:
    """Record the attempts; answer the deliveries that are settled, by now or by an earlier report."""
    current = _current(connection, reports)
    recorded_at_ms: dict[str, int] = {}
    attempts: list[Recorded] = []
    answers: list[Written[Sequence[str]]] = []
    for report in reports:
        session = report.session
        if (session.id, session.epoch) not in current:
            answers.append(Written([]))
            continue
        if session.team_id not in recorded_at_ms:
            recorded_at_ms[session.team_id] = recording_time(connection, session.team_id, now_ms)
        settled: list[str] = []
        for outcome in report.outcomes:
            is_settled, seq = _settle(connection, session, outcome)
            if is_settled:
                settled.append(outcome.delivery_id)
            if seq is not None:
                attempts.append(Recorded(seq, outcome, recorded_at_ms[session.team_id]))
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


def _settle(connection: sqlite3.Connection, session: Session, outcome: AttemptOutcome) -> tuple[bool, int | None]:
    """Say whether the delivery is settled, and give its number if it is only now."""
    updated = connection.execute(
        "UPDATE deliveries SET status = ?, attempt_count = ?, next_attempt_at_ms = NULL"
        " WHERE id = ? AND target = ? AND status = 'pending' AND attempt_count = ? - 1 RETURNING seq",
        ("succeeded" if outcome.succeeded else "failed", outcome.attempt)
        + (outcome.delivery_id, session.id, outcome.attempt),
    ).fetchall()
    if updated:
        return True, int(updated[0][0])
    known = connection.execute(
        "SELECT 1 FROM deliveries WHERE id = ? AND target = ? AND attempt_count >= ?",
        (outcome.delivery_id, session.id, outcome.attempt),
    ).fetchone()
    return known is not None, None
