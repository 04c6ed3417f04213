"""The changes, each within a transaction that the writer holds."""

import sqlite3
from collections.abc import Callable, Sequence

from cstar_cli.cloud.store.records import AttemptOutcome, Delivery, Session
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.writer import Written
from cstar_cli.cloud.store.wakeups import attempts_of
from cstar_cli.events.envelope import Event

_INSERT_ATTEMPT = (
    "INSERT INTO attempts (team_id, delivery_id, number, recorded_at_ms, started_at_ms, duration_ms, status, outcome,"
    " error, next_attempt_at_ms, request_headers, response_headers, response_body)"
)


def append_event(
    connection: sqlite3.Connection, event: Event, new_delivery_id: Callable[[], str]
) -> Written[Sequence[Delivery]]:
    """Store the event and its deliveries, one for each open session whose filter matches."""
    event_seq = connection.execute(
        "INSERT INTO events (id, team_id, type, created_at_ms, body) VALUES (?, ?, ?, ?, ?)",
        (event.id, event.team_id, event.type, event.created_at_ms, event.body),
    ).lastrowid
    assert event_seq is not None
    connection.execute("INSERT OR IGNORE INTO event_types VALUES (?, ?)", (event.team_id, event.type))
    deliveries = [
        Delivery(
            id=new_delivery_id(),
            event_seq=event_seq,
            event_id=event.id,
            event_type=event.type,
            target=session.id,
            url=session.forward_to,
            status="pending",
            attempt_count=0,
            created_at_ms=event.created_at_ms,
            next_attempt_at_ms=event.created_at_ms,
        )
        for session in map(
            rows.session,
            connection.execute(
                f"SELECT {rows.SESSION} FROM sessions WHERE team_id = ? AND ended_at_ms IS NULL", (event.team_id,)
            ),
        )
        if session.filter.matches(event.type)
    ]
    connection.executemany(
        f"INSERT INTO deliveries (team_id, {rows.DELIVERY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (event.team_id, d.id, d.event_seq, d.event_id, d.event_type, d.target, d.url, d.status)
            + (d.attempt_count, d.created_at_ms, d.next_attempt_at_ms)
            for d in deliveries
        ],
    )
    return Written(deliveries, topics=[delivery.target for delivery in deliveries])


def open_session(connection: sqlite3.Connection, session: Session, now_ms: int) -> Written[Session]:
    connection.execute(
        "INSERT INTO sessions (id, team_id, patterns, forward_to, epoch, opened_at_ms) VALUES (?, ?, ?, ?, ?, ?)",
        (session.id, session.team_id, rows.patterns(session.filter), session.forward_to, session.epoch, now_ms),
    )
    return Written(session)


def resume_session(connection: sqlite3.Connection, wanted: Session) -> Written[Session | None]:
    """Put the session into its next epoch, with the wanted filter and URL."""
    row = connection.execute(
        "UPDATE sessions SET epoch = epoch + 1, patterns = ?, forward_to = ?"
        f" WHERE id = ? AND team_id = ? AND ended_at_ms IS NULL RETURNING {rows.SESSION}",
        (rows.patterns(wanted.filter), wanted.forward_to, wanted.id, wanted.team_id),
    ).fetchone()
    return Written(rows.session(row) if row else None)


def end_session(connection: sqlite3.Connection, session: Session, reason: str, now_ms: int) -> Written[None]:
    """Close the session unless it has gone on in a later epoch; fail what it hasn't answered."""
    ended = connection.execute(
        "UPDATE sessions SET ended_at_ms = ? WHERE id = ? AND epoch = ? AND ended_at_ms IS NULL",
        (now_ms, session.id, session.epoch),
    ).rowcount
    if not ended:
        return Written(None)
    connection.execute(
        f"{_INSERT_ATTEMPT} SELECT team_id, id, attempt_count + 1, ?, ?, 0, NULL, 'failed', ?, NULL, '[]', '[]', x''"
        " FROM deliveries WHERE target = ? AND status = 'pending' ORDER BY event_seq",
        (now_ms, now_ms, reason, session.id),
    )
    connection.execute(
        "UPDATE deliveries SET status = 'failed', attempt_count = attempt_count + 1, next_attempt_at_ms = NULL"
        " WHERE target = ? AND status = 'pending'",
        (session.id,),
    )
    return Written(None, topics=[attempts_of(session.team_id)])


def settle(
    connection: sqlite3.Connection, session: Session, outcomes: Sequence[AttemptOutcome], now_ms: int
) -> Written[Sequence[str]]:
    """Record the attempts; answer the deliveries that are settled, by now or by an earlier report."""
    current = connection.execute(
        "SELECT 1 FROM sessions WHERE id = ? AND epoch = ? AND ended_at_ms IS NULL", (session.id, session.epoch)
    ).fetchone()
    if not current:
        return Written([])
    settled = [outcome.delivery_id for outcome in outcomes if _record(connection, session, outcome, now_ms)]
    return Written(settled, topics=[attempts_of(session.team_id)])


def _record(connection: sqlite3.Connection, session: Session, outcome: AttemptOutcome, now_ms: int) -> bool:
    status = "succeeded" if outcome.succeeded else "failed"
    changed = connection.execute(
        "UPDATE deliveries SET status = ?, attempt_count = ?, next_attempt_at_ms = NULL"
        " WHERE id = ? AND target = ? AND status = 'pending' AND attempt_count = ? - 1",
        (status, outcome.attempt, outcome.delivery_id, session.id, outcome.attempt),
    ).rowcount
    if not changed:
        known = connection.execute(
            "SELECT 1 FROM deliveries WHERE id = ? AND target = ? AND attempt_count >= ?",
            (outcome.delivery_id, session.id, outcome.attempt),
        ).fetchone()
        return known is not None
    connection.execute(
        f"{_INSERT_ATTEMPT} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?)",
        (session.team_id, outcome.delivery_id, outcome.attempt, now_ms, outcome.started_at_ms, outcome.duration_ms)
        + (outcome.status, status, outcome.error)
        + (rows.headers(outcome.request_headers), rows.headers(outcome.response_headers), outcome.response_body),
    )
    return True
