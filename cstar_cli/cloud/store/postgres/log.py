"""The questions about attempts.

A reader sees the attempts of the transactions before the first that is still open (`pg_snapshot_xmin`): whatever is
committed later comes after them. What is committed already and not to be seen yet is worth another look soon.
"""

from collections.abc import Sequence

from cstar_cli.cloud.store.postgres import rows
from cstar_cli.cloud.store.postgres.connection import COMMAND_S, Connection
from cstar_cli.cloud.store.postgres.cursor import Cursor
from cstar_cli.cloud.store.postgres.listing import Listing
from cstar_cli.cloud.store.queries import AttemptQuery
from cstar_cli.cloud.store.records import Attempt, Exchange

ORDER = ("xid", "seq")
LONGEST_CHANGE_MS = int(2 * COMMAND_S * 1000)
_VISIBLE = "xid < pg_snapshot_xmin(pg_current_snapshot())"


async def exchanges_of(connection: Connection, delivery_id: str) -> Sequence[Exchange]:
    found = await connection.fetch(
        f"SELECT {rows.EXCHANGE} FROM attempts WHERE delivery_id = $1 ORDER BY number", delivery_id
    )
    return [rows.exchange(row) for row in found]


async def attempts_after(
    connection: Connection, team_id: str, query: AttemptQuery, after: Cursor, limit: int
) -> tuple[Sequence[Attempt], Cursor]:
    latest = max(after, await _latest(connection, team_id))
    listing = await _attempts(connection, team_id, query, latest)
    listing.narrow("(xid, seq) > ({}::xid8, {})", after.xid, after.seq)
    found = await listing.read("ASC", limit)
    return [rows.attempt(row) for row in found], Cursor(*tuple(found[-1])[:2]) if len(found) == limit else latest


async def last_attempts(
    connection: Connection, team_id: str, query: AttemptQuery, lines: int
) -> tuple[Sequence[Attempt], Cursor]:
    latest = await _latest(connection, team_id)
    listing = await _attempts(connection, team_id, query, latest)
    return [rows.attempt(row) for row in await listing.read("DESC", lines)][::-1], latest


async def cursor_before(connection: Connection, team_id: str, since_ms: int) -> Cursor:
    """Return the cursor before the attempts of that time and later.

    Among them one that was recorded later may be of an earlier transaction, by as much as a transaction can last.
    """
    first = await connection.fetchrow(
        "WITH around AS MATERIALIZED ("
        " SELECT xid, seq FROM attempts WHERE team_id = $1 AND recorded_at_ms >= $2 AND recorded_at_ms <= $3 + ("
        " SELECT recorded_at_ms FROM attempts WHERE team_id = $1 AND recorded_at_ms >= $2"
        " ORDER BY recorded_at_ms LIMIT 1)) SELECT xid, seq FROM around ORDER BY xid, seq LIMIT 1",
        team_id,
        since_ms,
        LONGEST_CHANGE_MS,
    )
    latest = await _latest(connection, team_id)
    return min(latest, Cursor(first[0], first[1] - 1)) if first else latest


async def has_hidden(connection: Connection, team_id: str) -> bool:
    """Say whether attempts are committed that can't be seen yet."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT 1 FROM attempts"
            " WHERE team_id = $1 AND xid >= pg_snapshot_xmin(pg_current_snapshot()))",
            team_id,
        )
    )


async def _latest(connection: Connection, team_id: str) -> Cursor:
    row = await connection.fetchrow(
        f"SELECT xid, seq FROM attempts WHERE team_id = $1 AND {_VISIBLE} ORDER BY xid DESC, seq DESC LIMIT 1", team_id
    )
    return Cursor(*row) if row else Cursor()


async def _attempts(connection: Connection, team_id: str, query: AttemptQuery, latest: Cursor) -> Listing:
    listing = Listing(connection, "attempts", rows.ATTEMPT, ORDER, team_id)
    await listing.of_types("event_type", query.events)
    listing.to_target(query.target)
    listing.of_event(query.event_id)
    if query.status.outcome == "succeeded":
        listing.narrow("outcome = 'succeeded'")
    elif query.status.outcome is not None:
        listing.narrow("outcome = {} AND outcome <> 'succeeded'", query.status.outcome)
    if query.status.lowest is not None:
        listing.narrow("status BETWEEN {} AND {}", query.status.lowest, query.status.highest)
    listing.narrow("(xid, seq) <= ({}::xid8, {})", latest.xid, latest.seq)
    return listing
