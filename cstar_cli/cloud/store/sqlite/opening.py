"""What came before a session: deliveries of events that no listener has been given, a batch at a time.

Until the last batch the session is in epoch 0: no new event goes there yet, and it counts as away, so that it ends as
any other if nobody goes on. What is made by then stands before what comes later.
"""

import json
import sqlite3
from collections.abc import Collection, Sequence

import msgspec
from msgspec.structs import replace

from cstar_cli.cloud.store.lately import Row, lately, routes_before
from cstar_cli.cloud.store.queries import CAUGHT_UP_AT_ONCE, NEIGHBOURS_LOOKED_AT, UNHEARD_LOOKED_AT
from cstar_cli.cloud.store.reasons import STOPPED, moved
from cstar_cli.cloud.store.records import Backlog, Session
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.writer import Written
from cstar_cli.events.envelope import new_id

# Whom a test was for alone isn't a listener. A listener has been given what it was posted, and what waits for it while
# it is connected; what the same one gets by another session, as another of its routes, it gets by this one as well. Of
# its sessions that have ended, those to another URL were of another route.
# An event may have thousands of deliveries: the first that tells ends the search.
_TAKEN = (
    "SELECT json_group_array(value) FROM json_each(?) WHERE EXISTS"
    " (SELECT 1 FROM deliveries d WHERE d.event_seq = json_each.value"
    " AND (d.once OR (substr(d.target, 1, 4) = 'ses_' AND NOT EXISTS"
    " (SELECT 1 FROM sessions o WHERE o.id = d.target AND o.listener = ?"
    "  AND (o.ended_at_ms IS NULL OR o.forward_to <> ?)) AND ("
    "  d.status = 'pending' AND EXISTS (SELECT 1 FROM sessions s"
    "   WHERE s.id = d.target AND s.ended_at_ms IS NULL AND s.away_since_ms IS NULL)"
    f"  OR EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_seq = d.seq AND a.error_class IS NOT '{STOPPED}')))))"
)
# All of them in one row, as in meeting.py.
_LATELY = f"""
SELECT opened_at_ms, (
    SELECT json_group_array(json_array(seq, type, created_at_ms, origin)) FROM (
        SELECT seq, type, created_at_ms, origin FROM events WHERE team_id = :team
        ORDER BY seq DESC LIMIT {UNHEARD_LOOKED_AT}
    ) chosen WHERE created_at_ms >= opened_at_ms - :within_ms AND created_at_ms < opened_at_ms
) FROM sessions WHERE id = :session
"""
_decoder = msgspec.json.Decoder(list[Row])
_INSERT = (
    "INSERT INTO deliveries (team_id, event_seq, id, event_id, event_type, target, url, status, attempt_count,"
    " created_at_ms, next_attempt_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?)"
)


def place_before(connection: sqlite3.Connection, team_id: str, since_ms: int, place: int) -> tuple[int, bool]:
    """Go back from a place among the team's events; say whether all since then come after what is answered."""
    found = connection.execute(
        "SELECT seq, created_at_ms FROM events WHERE team_id = ? AND seq <= ? ORDER BY seq DESC LIMIT ?",
        (team_id, place, CAUGHT_UP_AT_ONCE),
    ).fetchall()
    if len(found) < CAUGHT_UP_AT_ONCE:
        return 0, True
    return found[-1][0] - 1, all(created_at_ms < since_ms for _, created_at_ms in found)


def catch_up(
    connection: sqlite3.Connection, session: Session, since_ms: int, after: int, now_ms: int
) -> Written[tuple[Session, int]]:
    """Make deliveries of the next events after a place; answer the place after these. The last ones open the session.

    Raises SessionMoved.
    """
    found = connection.execute(
        f"SELECT seq, id, type, created_at_ms, {'origin' if session.origin else 'NULL'} FROM events"
        " WHERE team_id = ? AND seq > ? ORDER BY seq LIMIT ?",
        (session.team_id, after, CAUGHT_UP_AT_ONCE),
    ).fetchall()
    is_last = len(found) < CAUGHT_UP_AT_ONCE
    going_on = connection.execute(
        "UPDATE sessions SET epoch = ?, away_since_ms = ? WHERE id = ? AND epoch = 0 AND ended_at_ms IS NULL",
        (int(is_last), None if is_last else now_ms, session.id),
    ).rowcount
    if not going_on:
        raise moved(session)
    wanted = [
        (seq, id_, type_)
        for seq, id_, type_, created_at_ms, origin in found
        if created_at_ms >= since_ms and session.origin in (None, origin) and session.filter.matches(type_)
    ]
    taken = _taken(connection, session, [seq for seq, _, _ in wanted])
    connection.executemany(
        _INSERT,
        [
            (session.team_id, seq, new_id("dlv"), id_, type_, session.id, session.forward_to, now_ms, now_ms)
            for seq, id_, type_ in wanted
            if seq not in taken
        ],
    )
    return Written((replace(session, epoch=int(is_last)), found[-1][0] if found else after))


def unheard(connection: sqlite3.Connection, session: Session, within_ms: int) -> Backlog:
    """Tell of the newest events of before the session that no listener has been given.

    What is told of at an earlier session of the same listener, another of its routes, is left out.
    """
    values = {"session": session.id, "team": session.team_id, "within_ms": within_ms}
    opened_at_ms, found = connection.execute(_LATELY, values).fetchone()
    events = _decoder.decode(found)
    times = lately(events, session, opened_at_ms, within_ms)
    if not times:
        return Backlog()
    for seq in _taken(connection, session, [*times]):
        times.pop(seq, None)
    for route, ms in routes_before(session, _opened_before(connection, session) if times else ()):
        theirs = lately(events, route, ms, within_ms).keys() & times.keys()
        for seq in theirs.difference(_taken(connection, route, [*theirs])):
            del times[seq]
    return Backlog.between(len(times), [*times.values()])


def _opened_before(connection: sqlite3.Connection, session: Session) -> Sequence[tuple[Session, int]]:
    """Return the latest of the team's connected sessions up to this one, and when each was opened."""
    found = connection.execute(
        f"SELECT {rows.SESSION}, opened_at_ms FROM sessions WHERE team_id = ? AND ended_at_ms IS NULL"
        " AND (opened_at_ms, id) < (SELECT opened_at_ms, id FROM sessions WHERE id = ?)"
        " AND epoch > 0 AND away_since_ms IS NULL ORDER BY opened_at_ms DESC, id DESC LIMIT ?",
        (session.team_id, session.id, NEIGHBOURS_LOOKED_AT),
    )
    return [(rows.session(row[:-1]), row[-1]) for row in found]


def _taken(connection: sqlite3.Connection, session: Session, seqs: Sequence[int]) -> Collection[int]:
    values = (json.dumps(seqs), session.listener, session.forward_to)
    (taken,) = connection.execute(_TAKEN, values).fetchone()
    return set(json.loads(taken))
