"""The questions of events, deliveries and sessions."""

from collections.abc import Collection, Mapping, Sequence

from cstar_cli.cloud.store.interface import SessionMoved
from cstar_cli.cloud.store.postgres import rows
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.postgres.listing import Listing
from cstar_cli.cloud.store.queries import DeliveryQuery, DueQuery, Page
from cstar_cli.cloud.store.reasons import STOPPED, moved
from cstar_cli.cloud.store.records import Backlog, Delivery, Due, DueDelivery, ListedEvent, OpenSession
from cstar_cli.events.envelope import Event
from cstar_cli.events.filters import EventFilter

ORDER = ("seq",)


_DELIVERY = "d.id, d.seq, d.event_seq, d.event_id, d.event_type, d.attempt_count + 1 AS attempt"
_ITS_ROW = "SELECT * FROM deliveries WHERE deliveries.seq = u.seq LIMIT 1"
_UNTRIED = f"""
SELECT {_DELIVERY} FROM undelivered u CROSS JOIN LATERAL ({_ITS_ROW}) d
WHERE u.target = $1 AND u.status = 'pending' AND u.attempt_count = 0 AND d.id <> ALL ($2::text[])
ORDER BY u.seq LIMIT $3
"""
_TRIED = f"""
SELECT {_DELIVERY} FROM undelivered u CROSS JOIN LATERAL ({_ITS_ROW}) d
WHERE u.target = $1 AND u.status = 'pending' AND u.attempt_count > 0 AND d.id <> ALL ($2::text[])
    AND u.next_attempt_at_ms <= (SELECT now_ms())
ORDER BY u.next_attempt_at_ms, u.seq LIMIT $3
"""
_BODY = "LEFT JOIN LATERAL (SELECT e.body, e.wire FROM events e WHERE e.seq = d.event_seq) e ON TRUE"
# What was never tried, and beside each when the first of the others is due: most sessions have none of these.
_DUE = f"""
SELECT d.id, d.event_id, d.event_type, d.attempt, e.body, e.wire, (
    SELECT next_attempt_at_ms - (SELECT now_ms()) FROM undelivered
    WHERE target = $1 AND status = 'pending' AND attempt_count > 0 ORDER BY next_attempt_at_ms, seq LIMIT 1
) AS wait_ms
FROM sessions s LEFT JOIN LATERAL ({_UNTRIED}) d ON TRUE {_BODY}
WHERE s.id = $1 AND s.epoch = $4 AND s.ended_at_ms IS NULL ORDER BY d.seq
"""
_DUE_WITH_TRIED = f"""
SELECT d.id, d.event_id, d.event_type, d.attempt, e.body, e.wire
FROM (
    SELECT * FROM (({_UNTRIED}) UNION ALL ({_TRIED})) either ORDER BY seq LIMIT $3
) d {_BODY} ORDER BY d.seq
"""
_NEXT = """
SELECT next_attempt_at_ms - ms FROM (SELECT now_ms() AS ms) now CROSS JOIN LATERAL (
    SELECT next_attempt_at_ms FROM undelivered
    WHERE target = $1 AND status = 'pending' AND attempt_count > 0 AND next_attempt_at_ms > ms
    ORDER BY next_attempt_at_ms, seq LIMIT 1
) next
"""
# What wasn't even tried stopped at its first attempt; `least` passes over NULL.
_MISSED = f"""
SELECT least(away_since_ms - $3, (
    SELECT u.created_at_ms FROM undelivered u CROSS JOIN LATERAL ({_ITS_ROW}) d
    WHERE u.target = $1 AND u.status = 'failed' AND EXISTS (
        SELECT 1 FROM attempts WHERE delivery_id = d.id AND number = 1 AND error_class = '{STOPPED}'
    )
    ORDER BY u.created_at_ms, u.seq LIMIT 1
)) FROM sessions WHERE id = $1 AND team_id = $2 AND ended_at_ms IS NOT NULL AND away_since_ms IS NOT NULL
"""


async def due(connection: Connection, query: DueQuery) -> Due | SessionMoved:
    session = query.session
    which = (session.id, list(query.without), query.limit)
    found = await connection.fetch(_DUE, *which, session.epoch)
    if not found:
        return moved(session)
    wait_ms: int | None = found[0]["wait_ms"]
    if wait_ms is not None and wait_ms <= 0:
        found = await connection.fetch(_DUE_WITH_TRIED, *which)
        wait_ms = await connection.fetchval(_NEXT, session.id)
    deliveries: list[DueDelivery] = []
    size = 0
    for id_, event_id, event_type, attempt, body, made_in, *_ in found:
        if id_ is None:
            break
        size += len(body)
        if deliveries and size > query.most_bytes:
            break
        deliveries.append(DueDelivery(id_, event_id, event_type, attempt, body, made_in))
    return Due(deliveries, wait_ms)


async def still_pending(connection: Connection, session_id: str, delivery_ids: Collection[str]) -> Collection[str]:
    found = await connection.fetch(
        "SELECT id FROM deliveries WHERE id = ANY ($2::text[]) AND target || '' = $1 AND status = 'pending'",
        session_id,
        list(delivery_ids),
    )
    return [id_ for (id_,) in found]


async def backlog(connection: Connection, session_id: str, without: Collection[str]) -> Backlog:
    row = await connection.fetchrow(
        "WITH waiting AS MATERIALIZED (SELECT count(*) AS count, min(seq) AS first, max(seq) AS last"
        " FROM undelivered u JOIN deliveries d USING (seq)"
        " WHERE u.target = $1 AND u.status = 'pending' AND u.attempt_count = 0 AND d.id <> ALL ($2::text[]))"
        " SELECT count,"
        " (SELECT e.created_at_ms FROM deliveries d JOIN events e ON e.seq = d.event_seq WHERE d.seq = first),"
        " (SELECT e.created_at_ms FROM deliveries d JOIN events e ON e.seq = d.event_seq WHERE d.seq = last)"
        " FROM waiting",
        session_id,
        list(without),
    )
    assert row  # however few they are
    return Backlog.between(row[0], [row[1], row[2]])


async def sessions(connection: Connection, team_id: str, name: str | None, page: Page) -> Sequence[OpenSession]:
    found = await connection.fetch(
        f"SELECT {rows.OPEN_SESSION} FROM sessions WHERE team_id = $1 AND ended_at_ms IS NULL AND epoch > 0"
        " AND ($2::text IS NULL OR name = $2) ORDER BY opened_at_ms DESC, id DESC LIMIT $3 OFFSET $4",
        team_id,
        name,
        page.size + 1,
        page.offset,
    )
    return [rows.open_session(row) for row in found]


async def missed_since(connection: Connection, session_id: str, team_id: str, unheard_ms: int) -> int | None:
    since_ms: int | None = await connection.fetchval(_MISSED, session_id, team_id, unheard_ms)
    return since_ms


async def names_of(connection: Connection, session_ids: Collection[str]) -> Mapping[str, str]:
    found = await connection.fetch(
        "SELECT id, name FROM sessions WHERE id = ANY ($1::text[]) AND name IS NOT NULL", list(session_ids)
    )
    return {row["id"]: row["name"] for row in found}


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
        listing.narrow("seq IN (SELECT u.seq FROM undelivered u WHERE u.team_id = $1 AND u.status = {})", query.status)
    return [rows.listed_delivery(row) for row in await listing.read("DESC", page.size + 1, page.offset)]
