"""The questions, each on a connection that can't change anything."""

import sqlite3
from collections.abc import Sequence

from cstar_cli.cloud.store.queries import EVERYTHING, AttemptQuery, DeliveryQuery, Page
from cstar_cli.cloud.store.records import Attempt, Delivery, DueDelivery, Session, StoredEvent
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.events.filters import EventFilter

_Parameters = list[object]


def open_sessions(connection: sqlite3.Connection) -> Sequence[Session]:
    found = connection.execute(f"SELECT {rows.SESSION} FROM sessions WHERE ended_at_ms IS NULL")
    return [rows.session(row) for row in found]


def due(
    connection: sqlite3.Connection, session_id: str, after_seq: int, limit: int, most_bytes: int
) -> Sequence[DueDelivery]:
    cursor = connection.execute(
        f"SELECT {rows.DUE} FROM deliveries d JOIN events e ON e.seq = d.event_seq"
        " WHERE d.target = ? AND d.status = 'pending' AND d.event_seq > ? ORDER BY d.event_seq LIMIT ?",
        (session_id, after_seq, limit),
    )
    found: list[DueDelivery] = []
    size = 0
    for row in cursor:
        delivery = rows.due(row)
        size += len(delivery.body)
        if found and size > most_bytes:
            break
        found.append(delivery)
    cursor.close()
    return found


def due_again(connection: sqlite3.Connection, session_id: str, delivery_ids: Sequence[str]) -> Sequence[DueDelivery]:
    found = connection.execute(
        f"SELECT {rows.DUE} FROM deliveries d JOIN events e ON e.seq = d.event_seq"
        f" WHERE d.target = ? AND d.status = 'pending' AND d.id IN ({_marks(delivery_ids)}) ORDER BY d.event_seq",
        (session_id, *delivery_ids),
    )
    return [rows.due(row) for row in found]


def count_due(connection: sqlite3.Connection, session_id: str) -> int:
    (count,) = connection.execute(
        "SELECT count(*) FROM deliveries WHERE target = ? AND status = 'pending'", (session_id,)
    ).fetchone()
    return int(count)


def event(connection: sqlite3.Connection, team_id: str, event_id: str) -> StoredEvent | None:
    row = connection.execute(
        f"SELECT {rows.EVENT} FROM events WHERE id = ? AND team_id = ?", (event_id, team_id)
    ).fetchone()
    return rows.event(row) if row else None


def events(connection: sqlite3.Connection, team_id: str, filter: EventFilter, page: Page) -> Sequence[StoredEvent]:
    where, parameters = _of_types(connection, team_id, filter, "type")
    found = connection.execute(
        f"SELECT {rows.EVENT} FROM events WHERE team_id = ?{where} ORDER BY seq DESC LIMIT ? OFFSET ?",
        (team_id, *parameters, page.size + 1, page.offset),
    )
    return [rows.event(row) for row in found]


def delivery(connection: sqlite3.Connection, team_id: str, delivery_id: str) -> Delivery | None:
    row = connection.execute(
        f"SELECT {rows.DELIVERY} FROM deliveries WHERE id = ? AND team_id = ?", (delivery_id, team_id)
    ).fetchone()
    return rows.delivery(row) if row else None


def deliveries(connection: sqlite3.Connection, team_id: str, query: DeliveryQuery, page: Page) -> Sequence[Delivery]:
    where, parameters = _of_types(connection, team_id, query.events, "event_type")
    if query.status:
        where += " AND status = ?"
        parameters.append(query.status)
    where, parameters = _of_target(query.target, query.event_id, "", where, parameters)
    found = connection.execute(
        f"SELECT {rows.DELIVERY} FROM deliveries WHERE team_id = ?{where} ORDER BY seq DESC LIMIT ? OFFSET ?",
        (team_id, *parameters, page.size + 1, page.offset),
    )
    return [rows.delivery(row) for row in found]


def attempts_of(connection: sqlite3.Connection, delivery_id: str) -> Sequence[Attempt]:
    found = connection.execute(
        f"SELECT {rows.ATTEMPT} FROM attempts a JOIN deliveries d ON d.id = a.delivery_id"
        " WHERE a.delivery_id = ? ORDER BY a.number",
        (delivery_id,),
    )
    return [rows.attempt(row) for row in found]


def attempts_after(
    connection: sqlite3.Connection, team_id: str, query: AttemptQuery, after_seq: int, limit: int
) -> tuple[Sequence[Attempt], int]:
    latest = max(after_seq, _latest_attempt(connection, team_id))
    where, parameters = _of_attempts(connection, team_id, query)
    found = connection.execute(
        f"SELECT {rows.ATTEMPT} FROM attempts a JOIN deliveries d ON d.id = a.delivery_id"
        f" WHERE a.team_id = ? AND a.seq > ? AND a.seq <= ?{where} ORDER BY a.seq LIMIT ?",
        (team_id, after_seq, latest, *parameters, limit),
    )
    attempts = [rows.attempt(row) for row in found]
    return attempts, attempts[-1].seq if len(attempts) == limit else latest


def last_attempts(
    connection: sqlite3.Connection, team_id: str, query: AttemptQuery, lines: int
) -> tuple[Sequence[Attempt], int]:
    latest = _latest_attempt(connection, team_id)
    where, parameters = _of_attempts(connection, team_id, query)
    found = connection.execute(
        f"SELECT {rows.ATTEMPT} FROM attempts a JOIN deliveries d ON d.id = a.delivery_id"
        f" WHERE a.team_id = ? AND a.seq <= ?{where} ORDER BY a.seq DESC LIMIT ?",
        (team_id, latest, *parameters, lines),
    )
    return [rows.attempt(row) for row in found][::-1], latest


def seq_before(connection: sqlite3.Connection, team_id: str, since_ms: int) -> int:
    (seq,) = connection.execute(
        "SELECT min(seq) - 1 FROM attempts WHERE team_id = ? AND recorded_at_ms >= ?", (team_id, since_ms)
    ).fetchone()
    return _latest_attempt(connection, team_id) if seq is None else int(seq)


def _latest_attempt(connection: sqlite3.Connection, team_id: str) -> int:
    (latest,) = connection.execute(
        "SELECT coalesce(max(seq), 0) FROM attempts WHERE team_id = ?", (team_id,)
    ).fetchone()
    return int(latest)


def _of_attempts(connection: sqlite3.Connection, team_id: str, query: AttemptQuery) -> tuple[str, _Parameters]:
    where, parameters = _of_types(connection, team_id, query.events, "d.event_type")
    for condition, value in (
        ("a.outcome = ?", query.status.outcome),
        ("a.status >= ?", query.status.lowest),
        ("a.status <= ?", query.status.highest),
    ):
        if value is not None:
            where += f" AND {condition}"
            parameters.append(value)
    return _of_target(query.target, query.event_id, "d.", where, parameters)


def _of_target(
    target: str | None, event_id: str | None, table: str, where: str, parameters: _Parameters
) -> tuple[str, _Parameters]:
    if target:
        where += f" AND ({table}target = ? OR {table}url = ?)"
        parameters += (target, target)
    if event_id:
        where += f" AND {table}event_id = ?"
        parameters.append(event_id)
    return where, parameters


def _of_types(
    connection: sqlite3.Connection, team_id: str, filter: EventFilter, column: str
) -> tuple[str, _Parameters]:
    """Resolve the filter against the types that the team has had, so that one matcher decides everywhere."""
    if filter == EVERYTHING:
        return "", []
    types = [
        type_
        for (type_,) in connection.execute("SELECT type FROM event_types WHERE team_id = ?", (team_id,))
        if filter.matches(type_)
    ]
    return f" AND {column} IN ({_marks(types)})", list(types)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
