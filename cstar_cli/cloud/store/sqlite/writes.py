"""The changes, each within a transaction that the writer holds."""

import sqlite3
from collections.abc import Callable, Sequence

from cstar_cli.cloud.store.records import AttemptOutcome, Delivery, Session
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.writer import Written
from cstar_cli.cloud.store.wakeups import attempts_of
from cstar_cli.events.envelope import Event

_INSERT_DELIVERY = (
    "INSERT INTO deliveries (team_id, event_seq, id, event_id, event_type, target, url, status, attempt_count,"
    " created_at_ms, next_attempt_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_ATTEMPT = (
    "INSERT INTO attempts (team_id, delivery_id, event_id, event_type, target, url, number, recorded_at_ms,"
    " started_at_ms, duration_ms, status, outcome, error, next_attempt_at_ms, request_headers, response_headers,"
    " response_body)"
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
        _INSERT_DELIVERY,
        [
            (event.team_id, event_seq, d.id, d.event_id, d.event_type, d.target, d.url, d.status)
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
    recorded_at_ms = _recording_time(connection, session.team_id, now_ms)
    connection.execute(
        f"{_INSERT_ATTEMPT} SELECT team_id, id, event_id, event_type, target, url, attempt_count + 1, ?, ?, 0, NULL,"
        " 'failed', ?, NULL, '[]', '[]', x'' FROM deliveries WHERE target = ? AND status = 'pending'"
        " ORDER BY event_seq",
        (recorded_at_ms, now_ms, reason, session.id),
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
    recorded_at_ms = _recording_time(connection, session.team_id, now_ms)
    settled = [outcome.delivery_id for outcome in outcomes if _record(connection, session, outcome, recorded_at_ms)]
    return Written(settled, topics=[attempts_of(session.team_id)])


def _recording_time(connection: sqlite3.Connection, team_id: str, now_ms: int) -> int:
    """Return now, or the time of the team's last attempt if the clock has jumped back: times grow with sequences."""
    (last_ms,) = connection.execute(
        "SELECT coalesce(max(recorded_at_ms), 0) FROM attempts WHERE team_id = ?", (team_id,)
    ).fetchone()
    return max(now_ms, int(last_ms))


def _record(connection: sqlite3.Connection, session: Session, outcome: AttemptOutcome, recorded_at_ms: int) -> bool:
    status = "succeeded" if outcome.succeeded else "failed"
    settled = connection.execute(
        "UPDATE deliveries SET status = ?, attempt_count = ?, next_attempt_at_ms = NULL"
        " WHERE id = ? AND target = ? AND status = 'pending' AND attempt_count = ? - 1"
        " RETURNING event_id, event_type, target, url",
        (status, outcome.attempt, outcome.delivery_id, session.id, outcome.attempt),
    ).fetchone()
    if not settled:
        known = connection.execute(
            "SELECT 1 FROM deliveries WHERE id = ? AND target = ? AND attempt_count >= ?",
            (outcome.delivery_id, session.id, outcome.attempt),
        ).fetchone()
        return known is not None
    connection.execute(
        f"{_INSERT_ATTEMPT} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?)",
        (session.team_id, outcome.delivery_id, *settled, outcome.attempt, recorded_at_ms)
        + (outcome.started_at_ms, outcome.duration_ms, outcome.status, status, outcome.error)
        + (rows.headers(outcome.request_headers), rows.headers(outcome.response_headers), outcome.response_body),
    )
    return True
