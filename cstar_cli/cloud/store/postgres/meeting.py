"""What a new session finds: who else gets its events, what waits for it, and what nobody was given."""

from collections.abc import Sequence

from cstar_cli.cloud.store.meeting import Announcement, Neighbour, meet
from cstar_cli.cloud.store.postgres import opening, reads, rows
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.queries import NEIGHBOURS_LOOKED_AT
from cstar_cli.cloud.store.records import Arrival, Backlog, Session


async def arrive(
    connection: Connection, session: Session, within_ms: int | None
) -> tuple[Arrival, Sequence[Announcement]]:
    """Return what it finds, and what is to be told of it."""
    neighbours, announcements = meet(session, await _before(connection, session), rows.filter)
    backlog = await reads.backlog(connection, session.id, ())
    unheard = Backlog() if within_ms is None else await opening.unheard(connection, session, within_ms)
    return Arrival(neighbours, backlog, unheard), announcements


async def _before(connection: Connection, session: Session) -> Sequence[Neighbour]:
    """Return those of other listeners that were there before, the latest first."""
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
    return [tuple(row) for row in found]


async def announce(connection: Connection, announcements: Sequence[Announcement]) -> None:
    await connection.execute(
        "INSERT INTO announcements SELECT unnest($1::text[]), unnest($2::text[])",
        [session_id for session_id, _ in announcements],
        [who for _, who in announcements],
    )


async def take(connection: Connection, node: str) -> Sequence[Announcement]:
    found = await connection.fetch(
        "DELETE FROM announcements a USING sessions s WHERE s.id = a.session_id"
        " AND (s.node = $1 OR s.ended_at_ms IS NOT NULL) RETURNING a.session_id, a.who",
        node,
    )
    return [(session_id, who) for session_id, who in found]
