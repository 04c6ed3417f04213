"""What people ask of events and deliveries that are made: again, now, no more."""

from collections.abc import Sequence

from cstar_cli.cloud.store import reasons
from cstar_cli.cloud.store.postgres import making, rows
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.postgres.database import Written
from cstar_cli.cloud.store.postgres.making import Wanting
from cstar_cli.cloud.store.postgres.recording import stop
from cstar_cli.cloud.store.records import Delivery
from cstar_cli.cloud.store.targets import Target
from cstar_cli.cloud.store.wakeups import WEBHOOKS, attempts_of
from cstar_cli.events.envelope import Event

RECOVERED_AT_ONCE = 500

_AGAIN = """
WITH again AS (
    UPDATE deliveries SET first_attempt = CASE WHEN status = 'pending' THEN first_attempt ELSE attempt_count + 1 END,
        status = 'pending', next_attempt_at_ms = now.ms
    FROM (SELECT now_ms() AS ms) now WHERE seq = ANY ($1::bigint[]) RETURNING seq, target, event_seq, once, now.ms
)
INSERT INTO queue (seq, target, due_at_ms, once, size)
SELECT again.seq, target, ms, once, (SELECT octet_length(body) FROM events WHERE events.seq = again.event_seq)
FROM again WHERE starts_with(target, $2)
ON CONFLICT (seq) DO UPDATE SET due_at_ms = excluded.due_at_ms, leased_until_ms = NULL
"""

Place = tuple[int, int]  # of a failed delivery, in the order of `undelivered_failed`


async def resend(
    connection: Connection, team_id: str, event_id: str, target: str | None, origin: str | None
) -> Written[Sequence[Delivery] | None]:
    """Make new deliveries of an event that is stored. Raises Conflict."""
    row = await connection.fetchrow(
        f"SELECT seq, now_ms(), {rows.EVENT} FROM events WHERE id = $1 AND team_id = $2 FOR KEY SHARE",
        event_id,
        team_id,
    )
    if not row:
        return Written(None)
    event_seq, now_ms, event = row[0], row[1], rows.event(tuple(row)[2:])
    await making.keep_sessions_open(connection, [team_id])
    wanting = await Wanting.of(connection, [team_id])
    if target is None:
        targets = wanting.those(event, origin or event.origin)
    elif target.startswith(rows.WEBHOOK_PREFIX):
        targets = [await _webhook(connection, event, target)]
    else:
        targets = [await _session(connection, event, target)]
    made = making.make(event, event_seq, targets, now_ms)
    await making.insert(connection, made)
    return Written([one.delivery for one in made], making.topics(made))


async def retry(connection: Connection, team_id: str, delivery_id: str) -> Written[Delivery | None]:
    """Make it due now. Raises Conflict."""
    found = await _locked(connection, team_id, delivery_id)
    if not found:
        return Written(None)
    seq, delivery, is_under_way = found
    if delivery.status == "succeeded":
        raise reasons.succeeded_already(delivery)
    to_webhook = delivery.target.startswith(rows.WEBHOOK_PREFIX)
    if to_webhook:
        await _refuse_unless_active(connection, seq, delivery)
        if is_under_way:
            raise reasons.under_way(delivery)
    else:
        await making.keep_sessions_open(connection, [team_id])
        if not await _is_open(connection, delivery.target):
            raise reasons.ended_session(delivery)
    await connection.execute(_AGAIN, [seq], rows.WEBHOOK_PREFIX)
    return Written(await _find(connection, seq), topics=[WEBHOOKS if to_webhook else delivery.target])


async def cancel(connection: Connection, team_id: str, delivery_id: str, reason: str) -> Written[Delivery | None]:
    """End it. Raises Conflict."""
    found = await _locked(connection, team_id, delivery_id)
    if not found:
        return Written(None)
    seq, delivery, is_under_way = found
    if delivery.status != "pending":
        raise reasons.not_pending(delivery)
    if is_under_way:
        await connection.execute(
            "UPDATE deliveries SET status = 'canceled', next_attempt_at_ms = NULL WHERE seq = $1", seq
        )
        await connection.execute("UPDATE queue SET due_at_ms = NULL WHERE seq = $1", seq)
    else:
        await stop(connection, [seq], "canceled", reason, reasons.CANCELED)
    return Written(await _find(connection, seq), topics=[attempts_of(team_id)])


async def may_recover(connection: Connection, team_id: str, webhook_id: str) -> bool:
    """Say whether there is such a webhook. Raises Conflict when it isn't active."""
    row = await connection.fetchrow(
        "SELECT is_active, disabled_reason FROM webhooks WHERE id = $1 AND team_id = $2", webhook_id, team_id
    )
    if row and not row[0]:
        raise reasons.inactive_webhook(webhook_id, row[1])
    return row is not None


async def recover_some(connection: Connection, webhook_id: str, after: Place) -> Written[tuple[int, Place]]:
    """Retry the next of the failed deliveries; answer how many these were, and the place of the last one."""
    found = await connection.fetch(
        "SELECT u.created_at_ms, seq FROM undelivered u JOIN deliveries d USING (seq)"
        " WHERE u.target = $1 AND u.status = 'failed' AND d.status = 'failed' AND NOT d.once"
        " AND (u.created_at_ms, u.seq) > ($2, $3) ORDER BY u.created_at_ms, u.seq LIMIT $4 FOR UPDATE OF d SKIP LOCKED",
        webhook_id,
        *after,
        RECOVERED_AT_ONCE,
    )
    if not found:
        return Written((0, after))
    await connection.execute(_AGAIN, [seq for _, seq in found], rows.WEBHOOK_PREFIX)
    last = found[-1]
    return Written((len(found), (last[0], last[1])), topics=[WEBHOOKS])


async def _locked(connection: Connection, team_id: str, delivery_id: str) -> tuple[int, Delivery, bool] | None:
    """Return the delivery and its number, which nobody else changes now, and whether it is leased."""
    row = await connection.fetchrow(
        f"SELECT seq, {rows.DELIVERY} FROM deliveries WHERE id = $1 AND team_id = $2 FOR UPDATE", delivery_id, team_id
    )
    if not row:
        return None
    leased = await connection.fetchval("SELECT leased_until_ms > now_ms() FROM queue WHERE seq = $1 FOR UPDATE", row[0])
    return row[0], rows.listed_delivery(row), bool(leased)


async def _find(connection: Connection, seq: int) -> Delivery | None:
    row = await connection.fetchrow(f"SELECT {rows.DELIVERY} FROM deliveries WHERE seq = $1", seq)
    return rows.delivery(row) if row else None


async def _refuse_unless_active(connection: Connection, seq: int, delivery: Delivery) -> None:
    row = await connection.fetchrow(
        "SELECT is_active OR once, disabled_reason FROM deliveries d JOIN webhooks w ON w.id = target WHERE d.seq = $1",
        seq,
    )
    if row is None:
        raise reasons.deleted_webhook(delivery)
    if not row[0]:
        raise reasons.inactive_webhook(delivery.target, row[1])


async def _webhook(connection: Connection, event: Event, webhook_id: str) -> Target:
    row = await connection.fetchrow(
        "SELECT is_active, disabled_reason, url FROM webhooks WHERE id = $1 AND team_id = $2", webhook_id, event.team_id
    )
    if row is None:
        raise reasons.unknown_webhook(webhook_id)
    if not row[0]:
        raise reasons.inactive_webhook(webhook_id, row[1])
    return Target(webhook_id, row[2])


async def _session(connection: Connection, event: Event, session_id: str) -> Target:
    row = await connection.fetchrow(
        "SELECT forward_to, away_since_ms IS NOT NULL FROM sessions"
        " WHERE id = $1 AND team_id = $2 AND ended_at_ms IS NULL",
        session_id,
        event.team_id,
    )
    if row is None:
        raise reasons.unknown_session(session_id)
    return Target(session_id, row[0], is_away=row[1])


async def _is_open(connection: Connection, session_id: str) -> bool:
    found = await connection.fetchval("SELECT TRUE FROM sessions WHERE id = $1 AND ended_at_ms IS NULL", session_id)
    return found is not None
