"""What keeps a long-lived database in shape, in batches that hold nobody up."""

import json
import sqlite3

from cstar_cli.cloud.store.sqlite.claiming import WAITING, waiting_in
from cstar_cli.cloud.store.sqlite.rows import TRIED
from cstar_cli.cloud.store.sqlite.writer import Written
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.cloud.store.webhooks import QueueStats

ANSWERS_KEPT_MS = 24 * 60 * 60 * 1000
CAPPED_AT_ONCE = 1000
SMALL_ROWS = 10  # go for the work that one event with all that belongs to it is

# Of the sessions' deliveries.
_WAITS_TOO_LONG = (
    f"{waiting_in('tried_deliveries', TRIED)} SELECT d.seq FROM waiting w"
    f" CROSS JOIN deliveries d INDEXED BY tried_deliveries ON d.target = w.target AND {TRIED}"
    " AND d.next_attempt_at_ms > :latest_ms"
    " WHERE :wire IS NULL OR (SELECT wire FROM sessions WHERE id = w.target) = :wire LIMIT :limit"
)


def begin_anew(connection: sqlite3.Connection, now_ms: int) -> None:
    """Note that nobody is connected or answering: the process that held the file before is gone, and its leases."""
    connection.execute("UPDATE sessions SET away_since_ms = ? WHERE ended_at_ms IS NULL", (now_ms,))
    connection.execute("UPDATE idempotent_requests SET taken_at_ms = 0 WHERE status IS NULL")


def check(connection: sqlite3.Connection) -> Written[None]:
    """Write what is there already: it fails when the file can't be written."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {version}")
    return Written(None)


def forget(connection: sqlite3.Connection, before_ms: int, limit: int, now_ms: int) -> Written[int]:
    """Remove what is older than that time, the oldest first, and return how many events these were."""
    found = connection.execute(
        "SELECT seq FROM events e WHERE created_at_ms < ?"
        " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event_seq = e.seq AND +status = 'pending')"
        " ORDER BY created_at_ms LIMIT ?",
        (before_ms, limit),
    ).fetchall()
    seqs = json.dumps([seq for (seq,) in found])
    connection.execute(
        "DELETE FROM attempts WHERE delivery_seq IN"
        " (SELECT seq FROM deliveries WHERE event_seq IN (SELECT value FROM json_each(?)))",
        (seqs,),
    )
    connection.execute("DELETE FROM deliveries WHERE event_seq IN (SELECT value FROM json_each(?))", (seqs,))
    connection.execute("DELETE FROM events WHERE seq IN (SELECT value FROM json_each(?))", (seqs,))
    forget_answers(connection, SMALL_ROWS * limit, now_ms)
    connection.execute(
        "DELETE FROM sessions WHERE rowid IN"
        " (SELECT rowid FROM sessions WHERE ended_at_ms < ? ORDER BY ended_at_ms LIMIT ?)",
        (before_ms, SMALL_ROWS * limit),
    )
    return Written(len(found))


def forget_answers(connection: sqlite3.Connection, limit: int, now_ms: int) -> None:
    """Free the oldest keys of requests whose day is over, up to so many."""
    connection.execute(
        "DELETE FROM idempotent_requests WHERE seq IN"
        " (SELECT seq FROM idempotent_requests WHERE began_at_ms <= ? ORDER BY began_at_ms LIMIT ?)",
        (now_ms - ANSWERS_KEPT_MS, limit),
    )


def cap_some(connection: sqlite3.Connection, longest_ms: int, wire: str | None, now_ms: int) -> Written[bool]:
    """Shorten waits that are too long; answer whether there may be more of them."""
    latest_ms = now_ms + longest_ms
    values = {"latest_ms": latest_ms, "wire": wire, "limit": CAPPED_AT_ONCE}
    connection.execute("UPDATE temp.leases SET until_ms = min(until_ms, ?)", (latest_ms,))
    capped = connection.execute(
        "UPDATE deliveries SET due_at_ms = :latest_ms, next_attempt_at_ms = min(next_attempt_at_ms, :latest_ms)"
        " WHERE seq IN ("
        f"{WAITING} SELECT d.seq FROM waiting w CROSS JOIN deliveries d INDEXED BY due_deliveries"
        " ON d.target = w.target AND d.due_at_ms > :latest_ms"
        " WHERE :wire IS NULL OR (SELECT wire FROM webhooks WHERE id = w.target) = :wire LIMIT :limit)",
        values,
    ).rowcount
    sessions = connection.execute(
        f"UPDATE deliveries SET next_attempt_at_ms = :latest_ms WHERE seq IN ({_WAITS_TOO_LONG}) RETURNING target",
        values,
    ).fetchall()
    topics = {*([WEBHOOKS] if capped else ()), *(target for (target,) in sessions)}
    return Written(CAPPED_AT_ONCE in (capped, len(sessions)), tuple(topics))


def under_way(connection: sqlite3.Connection, now_ms: int) -> Written[str]:
    """Return the numbers of the deliveries that are, as JSON; only the writer's connection knows."""
    (seqs,) = connection.execute(
        "SELECT json_group_array(seq) FROM temp.leases WHERE until_ms > ?", (now_ms,)
    ).fetchone()
    return Written(str(seqs))


def stats(connection: sqlite3.Connection, leased: str, now_ms: int) -> QueueStats:
    """Count what waits; `leased` are those that are under way."""
    pending, due, first_ms = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE due_at_ms <= :now_ms AND free),"
        " min(due_at_ms) FILTER (WHERE free) FROM ("
        " SELECT due_at_ms, seq NOT IN (SELECT value FROM json_each(:leased)) AS free"
        " FROM deliveries INDEXED BY due_deliveries WHERE due_at_ms IS NOT NULL)",
        {"now_ms": now_ms, "leased": leased},
    ).fetchone()
    return QueueStats(pending, due, max(0, now_ms - first_ms) if due else 0)
