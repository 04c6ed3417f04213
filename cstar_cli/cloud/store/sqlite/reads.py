"""The questions, each on a connection that can't change anything."""

import sqlite3
from collections.abc import Collection, Sequence

import msgspec

from cstar_cli.cloud.store.interface import SessionMoved
from cstar_cli.cloud.store.queries import DeliveryQuery, DueQuery, Page
from cstar_cli.cloud.store.records import Backlog, Delivery, DueDelivery, ListedEvent
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.listing import Listing
from cstar_cli.events.envelope import Event
from cstar_cli.events.filters import EventFilter


def check(connection: sqlite3.Connection) -> None:
    """Read something."""
    connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()


_DUE = (
    "SELECT d.id, d.event_id, d.event_type, d.attempt_count + 1, e.body, d.event_seq FROM sessions s"
    " LEFT JOIN deliveries d ON d.target = s.id AND d.status = 'pending' AND d.due_at_ms IS NULL"
    " AND d.id NOT IN (SELECT value FROM json_each(?))"
    " LEFT JOIN events e ON e.seq = d.event_seq"
    " WHERE s.id = ? AND s.epoch = ? AND s.ended_at_ms IS NULL ORDER BY d.seq LIMIT ?"
)


def due(connection: sqlite3.Connection, queries: Sequence[DueQuery]) -> Sequence[Sequence[DueDelivery] | SessionMoved]:
    bodies: dict[int, bytes] = {}  # an event that many sessions want is in memory once
    return [_due(connection, query, bodies) for query in queries]


def _due(
    connection: sqlite3.Connection, query: DueQuery, bodies: dict[int, bytes]
) -> Sequence[DueDelivery] | SessionMoved:
    session = query.session
    cursor = connection.execute(_DUE, (_as_json(query.without), session.id, session.epoch, query.limit))
    found: list[DueDelivery] = []
    size = 0
    is_open = False
    for id_, event_id, event_type, attempt, body, event_seq in cursor:
        is_open = True
        if body is None:  # the session is there, and nothing is due to it
            break
        size += len(body)
        if found and size > query.most_bytes:
            break
        found.append(DueDelivery(id_, event_id, event_type, attempt, bodies.setdefault(event_seq, body)))
    cursor.close()
    return found if is_open else SessionMoved(f"{session.id} has ended, or goes on over another connection.")


def still_pending(connection: sqlite3.Connection, session_id: str, delivery_ids: Collection[str]) -> Collection[str]:
    found = connection.execute(
        "SELECT id FROM deliveries"
        " WHERE +target = ? AND +status = 'pending' AND id IN (SELECT value FROM json_each(?))",
        (session_id, _as_json(delivery_ids)),
    )
    return [id_ for (id_,) in found]


def backlog(connection: sqlite3.Connection, session_id: str, without: Collection[str]) -> Backlog:
    # What is counted stands in the index alone, and only two events are looked at.
    count, *ends = connection.execute(
        "SELECT count(*), min(seq), max(seq) FROM deliveries WHERE target = ? AND status = 'pending'"
        " AND due_at_ms IS NULL AND id NOT IN (SELECT value FROM json_each(?))",
        (session_id, _as_json(without)),
    ).fetchone()
    times = connection.execute(
        "SELECT e.created_at_ms FROM deliveries d JOIN events e ON e.seq = d.event_seq WHERE d.seq IN (?, ?)", ends
    )
    return rows.backlog(count, [ms for (ms,) in times])


def event(connection: sqlite3.Connection, team_id: str, event_id: str) -> Event | None:
    row = connection.execute(
        f"SELECT {rows.EVENT} FROM events WHERE id = ? AND team_id = ?", (event_id, team_id)
    ).fetchone()
    return rows.event(row) if row else None


def events(connection: sqlite3.Connection, team_id: str, filter: EventFilter, page: Page) -> Sequence[ListedEvent]:
    listing = Listing(connection, "events", rows.LISTED_EVENT, team_id)
    listing.of_types("type", filter)
    return [rows.listed_event(row) for row in listing.read("DESC", page.size + 1, page.offset)]


def delivery(connection: sqlite3.Connection, team_id: str, delivery_id: str) -> Delivery | None:
    row = connection.execute(
        f"SELECT {rows.DELIVERY} FROM deliveries WHERE id = ? AND team_id = ?", (delivery_id, team_id)
    ).fetchone()
    return rows.delivery(row) if row else None


def deliveries(connection: sqlite3.Connection, team_id: str, query: DeliveryQuery, page: Page) -> Sequence[Delivery]:
    listing = Listing(connection, "deliveries", rows.DELIVERY, team_id)
    listing.of_types("event_type", query.events)
    listing.to_target(query.target)
    listing.of_event("event_seq = (SELECT seq FROM events WHERE id = :event_id)", query.event_id)
    if query.status:
        listing.narrow("status = :status", status=query.status)
    return [rows.delivery(row) for row in listing.read("DESC", page.size + 1, page.offset)]


def _as_json(ids: Collection[str]) -> str:
    return msgspec.json.encode(list(ids)).decode()
