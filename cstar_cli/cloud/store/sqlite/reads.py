"""The questions, each on a connection that can't change anything."""

import json
import sqlite3
from collections.abc import Collection, Sequence

from cstar_cli.cloud.store.interface import SessionMoved
from cstar_cli.cloud.store.queries import DeliveryQuery, Page
from cstar_cli.cloud.store.records import Delivery, DueDelivery, ListedEvent, Session
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.listing import Listing
from cstar_cli.events.envelope import Event
from cstar_cli.events.filters import EventFilter


def check(connection: sqlite3.Connection) -> None:
    """Read something."""
    connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()


def due(
    connection: sqlite3.Connection, session: Session, without: Collection[str], limit: int, most_bytes: int
) -> Sequence[DueDelivery]:
    current = connection.execute(
        "SELECT 1 FROM sessions WHERE id = ? AND epoch = ? AND ended_at_ms IS NULL", (session.id, session.epoch)
    ).fetchone()
    if not current:
        raise SessionMoved(f"{session.id} has ended, or goes on over another connection.")
    cursor = connection.execute(
        f"SELECT {rows.DUE} FROM deliveries d JOIN events e ON e.seq = d.event_seq"
        " WHERE d.target = ? AND d.status = 'pending' AND d.due_at_ms IS NULL"
        " AND d.id NOT IN (SELECT value FROM json_each(?)) ORDER BY d.seq LIMIT ?",
        (session.id, _as_json(without), limit),
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


def still_pending(connection: sqlite3.Connection, session_id: str, delivery_ids: Collection[str]) -> Collection[str]:
    found = connection.execute(
        "SELECT id FROM deliveries"
        " WHERE +target = ? AND +status = 'pending' AND id IN (SELECT value FROM json_each(?))",
        (session_id, _as_json(delivery_ids)),
    )
    return [id_ for (id_,) in found]


def count_due(connection: sqlite3.Connection, session_id: str) -> int:
    (count,) = connection.execute(
        "SELECT count(*) FROM deliveries WHERE target = ? AND status = 'pending' AND due_at_ms IS NULL", (session_id,)
    ).fetchone()
    return int(count)


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
    return json.dumps(list(ids))
