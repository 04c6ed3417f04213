"""The questions about attempts. A cursor is the decimal sequence: one writer commits them in their order."""

import sqlite3
from collections.abc import Sequence

from cstar_cli.cloud.store.interface import MalformedCursor
from cstar_cli.cloud.store.queries import AttemptQuery
from cstar_cli.cloud.store.records import Attempt, Exchange
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.listing import Listing

_MAX_CURSOR_DIGITS = 18  # what an INTEGER holds


def exchanges_of(connection: sqlite3.Connection, delivery_id: str) -> Sequence[Exchange]:
    found = connection.execute(
        f"SELECT {rows.EXCHANGE} FROM attempts WHERE delivery_seq = (SELECT seq FROM deliveries WHERE id = ?)"
        " ORDER BY number",
        (delivery_id,),
    )
    return [rows.exchange(row) for row in found]


def attempts_after(
    connection: sqlite3.Connection, team_id: str, query: AttemptQuery, cursor: str, limit: int
) -> tuple[Sequence[Attempt], str]:
    after_seq = _seq(cursor)
    latest = max(after_seq, _latest(connection, team_id))
    listing = _attempts(connection, team_id, query)
    listing.narrow("seq > :after AND seq <= :latest", after=after_seq, latest=latest)
    attempts = [rows.attempt(row) for row in listing.read("ASC", limit)]
    return attempts, attempts[-1].cursor if len(attempts) == limit else str(latest)


def last_attempts(
    connection: sqlite3.Connection, team_id: str, query: AttemptQuery, lines: int
) -> tuple[Sequence[Attempt], str]:
    latest = _latest(connection, team_id)
    listing = _attempts(connection, team_id, query)
    listing.narrow("seq <= :latest", latest=latest)
    return [rows.attempt(row) for row in listing.read("DESC", lines)][::-1], str(latest)


def cursor_before(connection: sqlite3.Connection, team_id: str, since_ms: int) -> str:
    # Times grow with sequences: so it is found by halving, without an index that each attempt would pay for.
    before, latest = 0, _latest(connection, team_id)
    while before < latest:
        middle = (before + latest) // 2
        following = connection.execute(
            "SELECT seq, recorded_at_ms FROM attempts WHERE team_id = ? AND seq > ? ORDER BY seq LIMIT 1",
            (team_id, middle),
        ).fetchone()
        if following is None or following[1] >= since_ms:
            latest = middle
        else:
            before = following[0]
    return str(latest)


def _latest(connection: sqlite3.Connection, team_id: str) -> int:
    (latest,) = connection.execute(
        "SELECT coalesce(max(seq), 0) FROM attempts WHERE team_id = ?", (team_id,)
    ).fetchone()
    return int(latest)


def _attempts(connection: sqlite3.Connection, team_id: str, query: AttemptQuery) -> Listing:
    listing = Listing(connection, "attempts", rows.ATTEMPT, team_id)
    listing.of_types("event_type", query.events)
    listing.to_target(query.target)
    listing.of_event("event_seq = (SELECT seq FROM events WHERE id = :event_id)", query.event_id)
    if query.status.outcome is not None:
        listing.narrow("outcome = :outcome", outcome=query.status.outcome)
    if query.status.lowest is not None:
        listing.narrow("status BETWEEN :lowest AND :highest", lowest=query.status.lowest, highest=query.status.highest)
    return listing


def _seq(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _MAX_CURSOR_DIGITS):
        raise MalformedCursor(f"{cursor[:50]!r} is not a cursor of this log: take one from a line of its tail.")
    return int(cursor)
