"""What came before a session: deliveries of events that no listener has been given, a batch at a time.

Until the last batch the session is in epoch 0: no new event goes there yet, and it counts as away, so that it ends as
any other if nobody goes on. What is made by then stands before what comes later.
"""

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from cstar_cli.cloud.store.lately import lately, routes_before
from cstar_cli.cloud.store.postgres import making, rows
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.postgres.database import Written
from cstar_cli.cloud.store.postgres.making import Made
from cstar_cli.cloud.store.queries import CAUGHT_UP_AT_ONCE, NEIGHBOURS_LOOKED_AT, UNHEARD_LOOKED_AT
from cstar_cli.cloud.store.reasons import STOPPED, moved
from cstar_cli.cloud.store.records import Backlog, Delivery, Session
from cstar_cli.events.envelope import new_id

# Whom a test was for alone isn't a listener. A listener has been given what it was posted, and what waits for it while
# it is connected; what the same one gets by another session, as another of its routes, it gets by this one as well. Of
# its sessions that have ended, those to another URL were of another route.
# An event may have thousands of deliveries: the first that tells ends the search.
_TAKEN = f"""
SELECT wanted.seq FROM unnest($1::bigint[]) AS wanted(seq) CROSS JOIN LATERAL (SELECT 1 FROM deliveries d
WHERE d.event_seq = wanted.seq AND (
    d.once OR (starts_with(d.target, 'ses_') AND NOT EXISTS (
        SELECT 1 FROM sessions o
        WHERE o.id = d.target AND o.listener = $2 AND (o.ended_at_ms IS NULL OR o.forward_to <> $3)
    ) AND (
        d.status = 'pending' AND EXISTS (
            SELECT 1 FROM sessions s WHERE s.id = d.target AND s.ended_at_ms IS NULL AND s.away_since_ms IS NULL
        )
        OR EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = d.id AND a.error_class IS DISTINCT FROM '{STOPPED}')
    ))
) LIMIT 1) taken
"""


async def place_before(connection: Connection, team_id: str, since_ms: int, place: int) -> tuple[int, bool]:
    """Go back from a place among the team's events; say whether all since then come after what is answered."""
    found = await connection.fetch(
        "SELECT seq, created_at_ms FROM events WHERE team_id = $1 AND seq <= $2 ORDER BY seq DESC LIMIT $3",
        team_id,
        place,
        CAUGHT_UP_AT_ONCE,
    )
    if len(found) < CAUGHT_UP_AT_ONCE:
        return 0, True
    return found[-1][0] - 1, all(created_at_ms < since_ms for _, created_at_ms in found)


async def catch_up(
    connection: Connection, session: Session, since_ms: int, after: int, node: str
) -> Written[tuple[Session, int]]:
    """Make deliveries of the next events after a place; answer the place after these. The last ones open the session.

    Raises SessionMoved.
    """
    # No event of the team is being stored then: none will turn up before the place that is answered.
    await making.wait_for_appends(connection, session.team_id)
    found = await connection.fetch(
        "SELECT seq, id, type, created_at_ms, origin FROM events WHERE team_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        session.team_id,
        after,
        CAUGHT_UP_AT_ONCE,
    )
    is_last = len(found) < CAUGHT_UP_AT_ONCE
    now_ms = await connection.fetchval(
        "UPDATE sessions SET epoch = $2, node = $3, away_since_ms = CASE WHEN $3::text IS NULL THEN now_ms() END"
        " WHERE id = $1 AND epoch = 0 AND ended_at_ms IS NULL RETURNING now_ms()",
        session.id,
        int(is_last),
        node if is_last else None,
    )
    if now_ms is None:
        raise moved(session)
    wanted = [
        (seq, id_, type_)
        for seq, id_, type_, created_at_ms, origin in found
        if created_at_ms >= since_ms and session.origin in (None, origin) and session.filter.matches(type_)
    ]
    taken = await _taken(connection, session, [seq for seq, _, _ in wanted])
    made = [
        Made(
            Delivery(new_id("dlv"), id_, type_, session.id, session.forward_to, "pending", 0, now_ms, now_ms),
            session.team_id,
            seq,
            once=False,
            size=0,  # it is of no webhook's
        )
        for seq, id_, type_ in wanted
        if seq not in taken
    ]
    await making.insert(connection, made)
    return Written((replace(session, epoch=int(is_last)), found[-1]["seq"] if found else after))


async def unheard(connection: Connection, session: Session, within_ms: int) -> Backlog:
    """Tell of the newest events of before the session that no listener has been given.

    What is told of at an earlier session of the same listener, another of its routes, is left out.
    """
    opened_at_ms = await connection.fetchval("SELECT opened_at_ms FROM sessions WHERE id = $1", session.id)
    found = await connection.fetch(
        "SELECT seq, type, created_at_ms, origin FROM events WHERE team_id = $1 ORDER BY seq DESC LIMIT $2",
        session.team_id,
        UNHEARD_LOOKED_AT,
    )
    events = [(seq, type_, created_at_ms, origin) for seq, type_, created_at_ms, origin in found]
    times = lately(events, session, opened_at_ms, within_ms)
    for seq in await _taken(connection, session, [*times]):
        times.pop(seq, None)
    for route, ms in routes_before(session, await _opened_before(connection, session) if times else ()):
        theirs = lately(events, route, ms, within_ms).keys() & times.keys()
        for seq in theirs.difference(await _taken(connection, route, [*theirs])):
            del times[seq]
    return Backlog.between(len(times), [*times.values()])


async def _opened_before(connection: Connection, session: Session) -> Sequence[tuple[Session, int]]:
    """Return the latest of the team's connected sessions up to this one, and when each was opened."""
    found = await connection.fetch(
        f"SELECT {rows.SESSION}, opened_at_ms FROM sessions WHERE team_id = $1 AND ended_at_ms IS NULL"
        " AND (opened_at_ms, id) < (SELECT opened_at_ms, id FROM sessions WHERE id = $2)"
        " AND epoch > 0 AND away_since_ms IS NULL ORDER BY opened_at_ms DESC, id DESC LIMIT $3",
        session.team_id,
        session.id,
        NEIGHBOURS_LOOKED_AT,
    )
    return [(rows.session(tuple(row)[:-1]), row["opened_at_ms"]) for row in found]


async def _taken(connection: Connection, session: Session, seqs: Sequence[int]) -> Collection[int]:
    return {seq for (seq,) in await connection.fetch(_TAKEN, seqs, session.listener, session.forward_to)}
