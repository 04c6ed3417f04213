"""What a new session finds: who else gets its events, what waits for it, and what nobody was given."""

import sqlite3
from collections.abc import Sequence

import msgspec

from cstar_cli.cloud.store.meeting import Announcement, Neighbour, meet
from cstar_cli.cloud.store.queries import NEIGHBOURS_LOOKED_AT
from cstar_cli.cloud.store.records import Arrival, Backlog, Session
from cstar_cli.cloud.store.sqlite import opening, reads, rows

# All of them in one row: for each row that sqlite3 gives, it lets go of the interpreter and waits for it again.
_BEFORE = f"""
SELECT json_group_array(json_array({rows.NEIGHBOUR})) FROM (
    SELECT * FROM sessions WHERE team_id = :team_id AND ended_at_ms IS NULL
        AND (opened_at_ms, id) < (SELECT opened_at_ms, id FROM sessions WHERE id = :id)
        AND epoch AND away_since_ms IS NULL AND (listener IS NULL OR listener IS NOT :listener)
    ORDER BY opened_at_ms DESC, id DESC LIMIT {NEIGHBOURS_LOOKED_AT}
) chosen
"""
_decoder = msgspec.json.Decoder(list[Neighbour])


def arrive(
    connection: sqlite3.Connection, session: Session, within_ms: int | None
) -> tuple[Arrival, Sequence[Announcement]]:
    """Return what it finds, and what is to be told of it."""
    neighbours, announcements = meet(session, _before(connection, session), rows.filter)
    backlog = reads.backlog(connection, session.id, ())
    unheard = Backlog() if within_ms is None else opening.unheard(connection, session, within_ms)
    return Arrival(neighbours, backlog, unheard), announcements


def _before(connection: sqlite3.Connection, session: Session) -> Sequence[Neighbour]:
    """Return those of other listeners that were there before, the latest first."""
    values = {"team_id": session.team_id, "id": session.id, "listener": session.listener}
    (found,) = connection.execute(_BEFORE, values).fetchone()
    return _decoder.decode(found)
