"""Who else gets a session's events, and what is announced to them."""

import sqlite3
from collections.abc import Iterable, Sequence

from cstar_cli.cloud.store.queries import NEIGHBOURS_LOOKED_AT
from cstar_cli.cloud.store.records import Session
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.writer import Written
from cstar_cli.cloud.store.wakeups import ANNOUNCEMENTS


def neighbours(connection: sqlite3.Connection, session: Session) -> Sequence[tuple[str, str]]:
    """Return the ids of those that were there before, the latest first, and what to call them."""
    found = connection.execute(
        f"SELECT {rows.NEIGHBOUR} FROM sessions WHERE team_id = :team_id AND ended_at_ms IS NULL"
        " AND (opened_at_ms, id) < (SELECT opened_at_ms, id FROM sessions WHERE id = :id)"
        " AND epoch AND away_since_ms IS NULL AND (listener IS NULL OR listener IS NOT :listener)"
        " ORDER BY opened_at_ms DESC, id DESC LIMIT :most",
        {
            "team_id": session.team_id,
            "id": session.id,
            "listener": session.listener,
            "most": NEIGHBOURS_LOOKED_AT,
        },
    )
    return [(id_, who) for id_, who, patterns, origin in found if session.overlaps(rows.filter(patterns), origin)]


def announce(connection: sqlite3.Connection, to: Iterable[str], who: str) -> Written[None]:
    connection.executemany("INSERT INTO announcements VALUES (?, ?)", [(session_id, who) for session_id in to])
    return Written(None, topics=[ANNOUNCEMENTS])


def take(connection: sqlite3.Connection) -> Written[Sequence[tuple[str, str]]]:
    return Written(connection.execute("DELETE FROM announcements RETURNING session_id, who").fetchall())
