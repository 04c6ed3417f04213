"""The questions, each on a connection that can't change anything."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain

import msgspec

from cstar_cli.cloud.store.interface import SessionMoved
from cstar_cli.cloud.store.queries import DeliveryQuery, DueQuery, Page
from cstar_cli.cloud.store.reasons import STOPPED, moved
from cstar_cli.cloud.store.records import Backlog, Delivery, Due, DueDelivery, ListedEvent, OpenSession
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.listing import Listing
from cstar_cli.events.envelope import Event
from cstar_cli.events.filters import EventFilter


def check(connection: sqlite3.Connection) -> None:
    """Read something."""
    connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()


_COLUMNS = "d.id, d.event_id, d.event_type, d.attempt_count + 1, e.body, e.wire, d.event_seq"
# What was never tried, and beside each when the first of the others is due: most sessions have none of these.
_DUE = f"""
SELECT {_COLUMNS}, (
    SELECT min(next_attempt_at_ms) FROM deliveries INDEXED BY tried_deliveries WHERE target = :session AND {rows.TRIED}
)
FROM sessions s
LEFT JOIN deliveries d INDEXED BY untried_deliveries
    ON d.target = s.id AND {rows.UNTRIED} AND d.id NOT IN (SELECT value FROM json_each(:without))
LEFT JOIN events e ON e.seq = d.event_seq
WHERE s.id = :session AND s.epoch = :epoch AND s.ended_at_ms IS NULL ORDER BY d.seq LIMIT :limit
"""
# Of many sessions, the first that was never tried, and whether it is the only one.
_DUE_OF_MANY = f"""
SELECT s.id, s.epoch, d.id, d.event_id, d.event_type, d.event_seq, d.seq IS (
    SELECT max(seq) FROM deliveries INDEXED BY untried_deliveries WHERE target = s.id AND {rows.UNTRIED}
), (
    SELECT min(next_attempt_at_ms) FROM deliveries INDEXED BY tried_deliveries WHERE target = s.id AND {rows.TRIED}
)
FROM json_each(:epochs) CROSS JOIN sessions s ON s.id = key AND s.epoch = value AND s.ended_at_ms IS NULL
LEFT JOIN deliveries d ON d.seq = (
    SELECT min(seq) FROM deliveries INDEXED BY untried_deliveries WHERE target = s.id AND {rows.UNTRIED}
)
"""
_DUE_WITH_TRIED = f"""
SELECT {_COLUMNS} FROM (
    SELECT * FROM (
        SELECT seq FROM deliveries INDEXED BY untried_deliveries
        WHERE target = :session AND {rows.UNTRIED} AND id NOT IN (SELECT value FROM json_each(:without))
        ORDER BY seq LIMIT :limit
    ) UNION ALL SELECT * FROM (
        SELECT seq FROM deliveries INDEXED BY tried_deliveries
        WHERE target = :session AND {rows.TRIED} AND next_attempt_at_ms <= :now_ms
            AND id NOT IN (SELECT value FROM json_each(:without))
        ORDER BY next_attempt_at_ms LIMIT :limit
    ) ORDER BY seq LIMIT :limit
) chosen CROSS JOIN deliveries d ON d.seq = chosen.seq CROSS JOIN events e ON e.seq = d.event_seq
"""
_NEXT = f"""
SELECT min(next_attempt_at_ms) FROM deliveries INDEXED BY tried_deliveries
WHERE target = :session AND {rows.TRIED} AND next_attempt_at_ms > :now_ms
"""
# What wasn't even tried stopped at its first attempt.
_MISSED = f"""
SELECT min(away_since_ms - :unheard_ms, ifnull((
    SELECT d.created_at_ms FROM deliveries d INDEXED BY failed_deliveries
    WHERE d.target = :session AND d.status = 'failed' AND EXISTS (
        SELECT 1 FROM attempts WHERE delivery_seq = d.seq AND number = 1 AND error_class = '{STOPPED}'
    )
    ORDER BY d.created_at_ms LIMIT 1
), away_since_ms)) FROM sessions
WHERE id = :session AND team_id = :team AND ended_at_ms IS NOT NULL AND away_since_ms IS NOT NULL
"""


def due(connection: sqlite3.Connection, queries: Sequence[DueQuery], now_ms: int) -> Sequence[Due | SessionMoved]:
    """Tell of each session what is due: by one question of all that have nothing and get one, as a crowd has."""
    bodies: dict[int, bytes] = {}  # an event that many sessions want is in memory once
    crowd = {query.session.id: query.session.epoch for query in queries if _asks_for_all(query)}
    answers = _due_of_many(connection, crowd, now_ms) if len(crowd) > 1 else {}
    return [
        (_asks_for_all(query) and answers.get((query.session.id, query.session.epoch)))
        or _due(connection, query, bodies, now_ms)
        for query in queries
    ]


def _asks_for_all(query: DueQuery) -> bool:
    return not query.without and query.limit > 0


def _due_of_many(
    connection: sqlite3.Connection, epochs: Mapping[str, int], now_ms: int
) -> Mapping[tuple[str, int], Due]:
    """Answer those of the sessions, each in its epoch, that get no more than one delivery."""
    events: dict[int, rows.Row | None] = {}
    answers = {}
    values = {"epochs": msgspec.json.encode(epochs).decode()}
    found = connection.execute(_DUE_OF_MANY, values).fetchall()
    for session_id, epoch, id_, event_id, type_, seq, is_only, next_ms in found:
        if next_ms is not None and next_ms <= now_ms:
            continue
        wait_ms = None if next_ms is None else next_ms - now_ms
        if id_ is None:
            answers[session_id, epoch] = Due([], wait_ms)
        elif is_only:
            if seq not in events:
                events[seq] = connection.execute("SELECT body, wire FROM events WHERE seq = ?", (seq,)).fetchone()
            if event := events[seq]:
                answers[session_id, epoch] = Due([DueDelivery(id_, event_id, type_, 1, *event)], wait_ms)
    return answers


def _due(connection: sqlite3.Connection, query: DueQuery, bodies: dict[int, bytes], now_ms: int) -> Due | SessionMoved:
    session = query.session
    values = {
        "session": session.id,
        "epoch": session.epoch,
        "without": _as_json(query.without),
        "limit": query.limit,
        "now_ms": now_ms,
    }
    found = connection.execute(_DUE, values)
    first = found.fetchone()
    if first is None:
        return moved(session)
    next_ms = first[-1]
    if next_ms is None or next_ms > now_ms:
        deliveries = _deliveries(chain([first], found), query, bodies) if first[0] is not None else []
        found.close()
    else:
        found.close()
        found = connection.execute(_DUE_WITH_TRIED, values)
        deliveries = _deliveries(found, query, bodies)
        found.close()
        (next_ms,) = connection.execute(_NEXT, values).fetchone()
    return Due(deliveries, None if next_ms is None else next_ms - now_ms)


def _deliveries(found: Iterable[rows.Row], query: DueQuery, bodies: dict[int, bytes]) -> Sequence[DueDelivery]:
    """Take as many as may go."""
    taken: list[DueDelivery] = []
    size = 0
    for id_, event_id, event_type, attempt, body, made_in, event_seq, *_ in found:
        size += len(body)
        if taken and size > query.most_bytes:
            break
        taken.append(DueDelivery(id_, event_id, event_type, attempt, bodies.setdefault(event_seq, body), made_in))
    return taken


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
        "SELECT count(*), min(seq), max(seq) FROM deliveries INDEXED BY untried_deliveries"
        f" WHERE target = ? AND {rows.UNTRIED} AND id NOT IN (SELECT value FROM json_each(?))",
        (session_id, _as_json(without)),
    ).fetchone()
    times = connection.execute(
        "SELECT e.created_at_ms FROM deliveries d JOIN events e ON e.seq = d.event_seq WHERE d.seq IN (?, ?)", ends
    )
    return Backlog.between(count, [ms for (ms,) in times])


def sessions(connection: sqlite3.Connection, team_id: str, name: str | None, page: Page) -> Sequence[OpenSession]:
    found = connection.execute(
        f"SELECT {rows.OPEN_SESSION} FROM sessions WHERE team_id = ? AND ended_at_ms IS NULL AND epoch"
        " AND name IS ifnull(?, name) ORDER BY opened_at_ms DESC, id DESC LIMIT ? OFFSET ?",
        (team_id, name, page.size + 1, page.offset),
    )
    return [rows.open_session(row) for row in found]


def missed_since(connection: sqlite3.Connection, session_id: str, team_id: str, unheard_ms: int) -> int | None:
    values = {"session": session_id, "team": team_id, "unheard_ms": unheard_ms}
    row = connection.execute(_MISSED, values).fetchone()
    return row[0] if row else None


def names_of(connection: sqlite3.Connection, session_ids: Collection[str]) -> Mapping[str, str]:
    found = connection.execute(
        "SELECT id, name FROM sessions WHERE id IN (SELECT value FROM json_each(?)) AND name IS NOT NULL",
        (_as_json(session_ids),),
    )
    return dict(found.fetchall())


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
    listing = Listing(connection, "deliveries", rows.LISTED_DELIVERY, team_id)
    listing.of_types("event_type", query.events)
    listing.to_target(query.target)
    listing.of_event("event_seq = (SELECT seq FROM events WHERE id = :event_id)", query.event_id)
    if query.status:
        listing.narrow("status = :status", status=query.status)
    return [rows.delivery(row) for row in listing.read("DESC", page.size + 1, page.offset)]


def _as_json(ids: Collection[str]) -> str:
    return msgspec.json.encode(list(ids)).decode()
