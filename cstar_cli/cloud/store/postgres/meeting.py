"""Who else gets a session's events, and what is announced to them."""

from collections.abc import Sequence

from cstar_cli.cloud.store.postgres import rows
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.postgres.database import Written
from cstar_cli.cloud.store.queries import NEIGHBOURS_LOOKED_AT
from cstar_cli.cloud.store.records import Session
from cstar_cli.cloud.store.wakeups import ANNOUNCEMENTS


async def neighbours(connection: Connection, session: Session) -> Sequence[tuple[str, str]]:
    """Return the ids of those that were there before, the latest first, and what to call them."""
    found = await connection.fetch(
        f"SELECT {rows.NEIGHBOUR} FROM sessions WHERE team_id = $1 AND ended_at_ms IS NULL"
        " AND (opened_at_ms, id) < (SELECT opened_at_ms, id FROM sessions WHERE id = $2)"
        " AND epoch > 0 AND away_since_ms IS NULL AND (listener IS NULL OR listener IS DISTINCT FROM $3)"
        " ORDER BY opened_at_ms DESC, id DESC LIMIT $4",
        session.team_id,
        session.id,
        session.listener,
        NEIGHBOURS_LOOKED_AT,
    )
    return [(id_, who) for id_, who, patterns, origin in found if session.overlaps(rows.filter(patterns), origin)]


async def announce(connection: Connection, to: Sequence[str], who: str) -> Written[None]:
    await connection.execute("INSERT INTO announcements SELECT unnest($1::text[]), $2", to, who)
    return Written(None, topics=[ANNOUNCEMENTS])


async def take(connection: Connection, node: str) -> Sequence[tuple[str, str]]:
    found = await connection.fetch(
        "DELETE FROM announcements a USING sessions s WHERE s.id = a.session_id"
        " AND (s.node = $1 OR s.ended_at_ms IS NOT NULL) RETURNING a.session_id, a.who",
        node,
    )
    return [(session_id, who) for session_id, who in found]
