"""The questions of events, deliveries and sessions."""

from collections.abc import Collection, Sequence

from cstar_cli.cloud.store.interface import SessionMoved
from cstar_cli.cloud.store.postgres import rows
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.postgres.listing import Listing
from cstar_cli.cloud.store.queries import DeliveryQuery, DueQuery, Page
from cstar_cli.cloud.store.records import Backlog, Delivery, DueDelivery, ListedEvent
from cstar_cli.events.envelope import Event
from cstar_cli.events.filters import EventFilter

ORDER = ("seq",)


async def due(connection: Connection, query: DueQuery) -> Sequence[DueDelivery] | SessionMoved:
    session = query.session
    found = await connection.fetch(
        "SELECT d.id, d.event_id, d.event_type, d.attempt, e.body FROM sessions s LEFT JOIN LATERAL ("
        " SELECT d.id, d.seq, d.event_seq, d.event_id, d.event_type, d.attempt_count + 1 AS attempt"
        " FROM deliveries d WHERE d.target = s.id AND d.status = 'pending' AND d.id <> ALL ($3::text[])"
        " ORDER BY d.seq LIMIT $4) d ON TRUE LEFT JOIN LATERAL ("
        " SELECT e.body, octet_length(e.body) AS size FROM events e WHERE e.seq = d.event_seq) e ON TRUE"
        " WHERE s.id = $1 AND s.epoch = $2 AND s.ended_at_ms IS NULL ORDER BY d.seq",
        session.id,
        session.epoch,
        list(query.without),
        query.limit,
    )
    if not found:
        return SessionMoved(f"{session.id} has ended, or goes on over another connection.")
    deliveries: list[DueDelivery] = []
    size = 0
    for row in found:
        if row[0] is None:
            break
        size += len(row[4])
        if deliveries and size > query.most_bytes:
            break
        deliveries.append(DueDelivery(*row))
    return deliveries


async def still_pending(connection: Connection, session_id: str, delivery_ids: Collection[str]) -> Collection[str]:
    found = await connection.fetch(
        "SELECT id FROM deliveries WHERE id = ANY ($2::text[]) AND target || '' = $1 AND status = 'pending'",
        session_id,
        list(delivery_ids),
    )
    return [id_ for (id_,) in found]


async def backlog(connection: Connection, session_id: str, without: Collection[str]) -> Backlog:
    row = await connection.fetchrow(
        "WITH waiting AS MATERIALIZED (SELECT count(*) AS count, min(seq) AS first, max(seq) AS last FROM deliveries"
        " WHERE target = $1 AND status = 'pending' AND id <> ALL ($2::text[]))"
        " SELECT count,"
        " (SELECT e.created_at_ms FROM deliveries d JOIN events e ON e.seq = d.event_seq WHERE d.seq = first),"
        " (SELECT e.created_at_ms FROM deliveries d JOIN events e ON e.seq = d.event_seq WHERE d.seq = last)"
        " FROM waiting",
        session_id,
        list(without),
    )
    assert row  # however few they are
    return rows.backlog(row[0], [row[1], row[2]])


async def event(connection: Connection, team_id: str, event_id: str) -> Event | None:
    row = await connection.fetchrow(
        f"SELECT {rows.EVENT} FROM events WHERE id = $1 AND team_id = $2", event_id, team_id
    )
    return rows.event(row) if row else None


async def events(connection: Connection, team_id: str, filter: EventFilter, page: Page) -> Sequence[ListedEvent]:
    listing = Listing(connection, "events", rows.LISTED_EVENT, ORDER, team_id)
    await listing.of_types("type", filter)
    return [rows.listed_event(row) for row in await listing.read("DESC", page.size + 1, page.offset)]


async def delivery(connection: Connection, team_id: str, delivery_id: str) -> Delivery | None:
    row = await connection.fetchrow(
        f"SELECT {rows.DELIVERY} FROM deliveries WHERE id = $1 AND team_id = $2", delivery_id, team_id
    )
    return rows.delivery(row) if row else None


async def deliveries(connection: Connection, team_id: str, query: DeliveryQuery, page: Page) -> Sequence[Delivery]:
    listing = Listing(connection, "deliveries", rows.LISTED_DELIVERY, ORDER, team_id)
    await listing.of_types("event_type", query.events)
    listing.to_target(query.target)
    listing.of_event(query.event_id)
    if query.status == "succeeded":
        listing.narrow("status = 'succeeded'")
    elif query.status:
        listing.narrow("status = {} AND status <> 'succeeded'", query.status)
    return [rows.listed_delivery(row) for row in await listing.read("DESC", page.size + 1, page.offset)]
