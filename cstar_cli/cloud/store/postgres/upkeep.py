"""What keeps a long-lived database in shape, in batches that hold nobody up."""

from cstar_cli.cloud.store.postgres import rows
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.postgres.database import Written
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.cloud.store.webhooks import QueueStats

ANSWERS_KEPT_MS = 24 * 60 * 60 * 1000
SMALL_ROWS = 10  # go for the work that one event with all that belongs to it is

_CAP_RETRIES = """
UPDATE deliveries d SET next_attempt_at_ms = late.latest FROM (
    SELECT seq, latest FROM (SELECT now_ms() + $1 AS latest) now CROSS JOIN undelivered u JOIN deliveries USING (seq)
    WHERE u.status = 'pending' AND u.attempt_count > 0 AND u.next_attempt_at_ms > latest AND starts_with(u.target, $2)
        AND ($3::text IS NULL OR (SELECT wire FROM sessions WHERE id = u.target) = $3)
        AND deliveries.status = 'pending' AND deliveries.next_attempt_at_ms > latest
    ORDER BY seq FOR UPDATE OF deliveries SKIP LOCKED
) late WHERE d.seq = late.seq RETURNING d.target
"""


async def forget(connection: Connection, before_ms: int, limit: int) -> Written[int]:
    """Remove what is older than that time, the oldest first, and return how many events these were."""
    found = await connection.fetch(
        "SELECT seq FROM events e WHERE created_at_ms < $1"
        " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event_seq = e.seq AND status || '' = 'pending')"
        " ORDER BY created_at_ms LIMIT $2 FOR UPDATE SKIP LOCKED",
        before_ms,
        limit,
    )
    seqs = [seq for (seq,) in found]
    if seqs:
        await connection.execute("DELETE FROM attempts WHERE event_seq = ANY ($1::bigint[])", seqs)
        await connection.execute(
            "WITH gone AS (DELETE FROM deliveries WHERE event_seq = ANY ($1::bigint[]) RETURNING seq)"
            " DELETE FROM queue WHERE seq IN (SELECT seq FROM gone)",
            seqs,
        )
        await connection.execute("DELETE FROM events WHERE seq = ANY ($1::bigint[])", seqs)
    await connection.execute(
        "DELETE FROM idempotent_requests WHERE (team_id, key) IN ("
        " SELECT team_id, key FROM idempotent_requests WHERE began_at_ms <= (SELECT now_ms()) - $1"
        " ORDER BY began_at_ms LIMIT $2 FOR UPDATE SKIP LOCKED)",
        ANSWERS_KEPT_MS,
        SMALL_ROWS * limit,
    )
    await connection.execute(
        "DELETE FROM sessions WHERE id IN ("
        " SELECT id FROM sessions WHERE ended_at_ms < $1 ORDER BY ended_at_ms LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before_ms,
        SMALL_ROWS * limit,
    )
    return Written(len(seqs))


async def cap_waits(connection: Connection, longest_ms: int, wire: str | None) -> Written[None]:
    capped = await connection.fetch(
        "UPDATE queue SET due_at_ms = latest, leased_until_ms = least(leased_until_ms, latest)"
        " FROM (SELECT now_ms() + $1 AS latest) now WHERE due_at_ms > latest"
        " AND ($2::text IS NULL OR target IN (SELECT id FROM webhooks WHERE wire = $2)) RETURNING seq, latest",
        longest_ms,
        wire,
    )
    if capped:
        await connection.execute(
            "UPDATE deliveries SET next_attempt_at_ms = least(next_attempt_at_ms, $2) WHERE seq = ANY ($1::bigint[])",
            [seq for seq, _ in capped],
            capped[0][1],
        )
    sessions = await connection.fetch(_CAP_RETRIES, longest_ms, rows.SESSION_PREFIX, wire)
    return Written(None, topics=[*([WEBHOOKS] if capped else ()), *{target for (target,) in sessions}])


async def stats(connection: Connection) -> QueueStats:
    row = await connection.fetchrow(
        "SELECT count(*), count(*) FILTER (WHERE due_at_ms <= ms),"
        " greatest(0, coalesce(max(ms) - min(due_at_ms), 0))"
        " FROM queue, (SELECT now_ms() AS ms) now WHERE due_at_ms IS NOT NULL"
    )
    assert row
    return QueueStats(*row)
