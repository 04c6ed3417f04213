"""What people ask of deliveries that are made, within a transaction that the writer holds: again, now, no more."""

import json
import sqlite3
from collections.abc import Sequence

from cstar_cli.cloud.store import reasons
from cstar_cli.cloud.store.records import Delivery
from cstar_cli.cloud.store.sqlite import leases, rows
from cstar_cli.cloud.store.sqlite.recording import stop
from cstar_cli.cloud.store.sqlite.writer import Written
from cstar_cli.cloud.store.wakeups import WEBHOOKS, attempts_of

RECOVERED_AT_ONCE = 500

_AGAIN = (
    "UPDATE deliveries SET first_attempt = iif(status = 'pending', first_attempt, attempt_count + 1),"
    " status = 'pending', next_attempt_at_ms = :now_ms, due_at_ms = :due_at_ms"
)

Place = tuple[int, int]  # of a failed delivery, in the order of `failed_deliveries`


def retry(connection: sqlite3.Connection, team_id: str, delivery_id: str, now_ms: int) -> Written[Delivery | None]:
    """Make it due now. Raises Conflict."""
    delivery = _find(connection, team_id, delivery_id)
    if not delivery:
        return Written(None)
    if delivery.status == "succeeded":
        raise reasons.succeeded_already(delivery)
    to_webhook = delivery.target.startswith(rows.WEBHOOK_PREFIX)
    if to_webhook:
        _refuse_unless_it_can_go(connection, delivery, now_ms)
    elif not _is_open(connection, delivery.target):
        raise reasons.ended_session(delivery)
    values = {"now_ms": now_ms, "due_at_ms": now_ms if to_webhook else None, "id": delivery_id}
    connection.execute(f"{_AGAIN} WHERE id = :id", values)
    leases.end(connection, json.dumps([_seq(connection, delivery_id)]))
    return Written(
        _find(connection, team_id, delivery_id),
        topics=[WEBHOOKS if to_webhook else delivery.target],
    )


def cancel(
    connection: sqlite3.Connection, team_id: str, delivery_id: str, reason: str, now_ms: int
) -> Written[Delivery | None]:
    """End it. Raises Conflict."""
    delivery = _find(connection, team_id, delivery_id)
    if not delivery:
        return Written(None)
    if delivery.status != "pending":
        raise reasons.not_pending(delivery)
    seq = _seq(connection, delivery_id)
    if leases.is_live(connection, delivery_id, now_ms):
        connection.execute(
            "UPDATE deliveries SET status = 'canceled', next_attempt_at_ms = NULL, due_at_ms = NULL WHERE seq = ?",
            (seq,),
        )
    else:
        stop(connection, team_id, [seq], "canceled", reason, reasons.CANCELED, now_ms)
    return Written(_find(connection, team_id, delivery_id), topics=[attempts_of(team_id)])


def may_recover(connection: sqlite3.Connection, team_id: str, webhook_id: str) -> Written[bool]:
    """Say whether there is such a webhook. Raises Conflict when it isn't active."""
    row = connection.execute(
        "SELECT is_active, disabled_reason FROM webhooks WHERE id = ? AND team_id = ?", (webhook_id, team_id)
    ).fetchone()
    if row and not row[0]:
        raise reasons.inactive_webhook(webhook_id, row[1])
    return Written(row is not None)


def recover_some(
    connection: sqlite3.Connection, webhook_id: str, after: Place, now_ms: int
) -> Written[tuple[int, Place]]:
    """Retry the next of the failed deliveries; answer how many these were, and the place of the last one."""
    found: Sequence[Place] = connection.execute(
        "SELECT created_at_ms, seq FROM deliveries"
        " WHERE target = ? AND status = 'failed' AND once = 0 AND (created_at_ms, seq) > (?, ?)"
        " ORDER BY created_at_ms, seq LIMIT ?",
        (webhook_id, *after, RECOVERED_AT_ONCE),
    ).fetchall()
    connection.executemany(
        f"{_AGAIN} WHERE seq = :seq", [{"now_ms": now_ms, "due_at_ms": now_ms, "seq": seq} for _, seq in found]
    )
    return Written((len(found), found[-1] if found else after), topics=[WEBHOOKS] if found else ())


def _find(connection: sqlite3.Connection, team_id: str, delivery_id: str) -> Delivery | None:
    row = connection.execute(
        f"SELECT {rows.DELIVERY} FROM deliveries WHERE id = ? AND team_id = ?", (delivery_id, team_id)
    ).fetchone()
    return rows.delivery(row) if row else None


def _seq(connection: sqlite3.Connection, delivery_id: str) -> int:
    (seq,) = connection.execute("SELECT seq FROM deliveries WHERE id = ?", (delivery_id,)).fetchone()
    return int(seq)


def _refuse_unless_it_can_go(connection: sqlite3.Connection, delivery: Delivery, now_ms: int) -> None:
    once, is_active, disabled_reason = connection.execute(
        "SELECT once, is_active, disabled_reason"
        " FROM deliveries d LEFT JOIN webhooks w ON w.id = target WHERE d.id = ?",
        (delivery.id,),
    ).fetchone()
    if is_active is None:
        raise reasons.deleted_webhook(delivery)
    if not is_active and not once:
        raise reasons.inactive_webhook(delivery.target, disabled_reason)
    if leases.is_live(connection, delivery.id, now_ms):
        raise reasons.under_way(delivery)


def _is_open(connection: sqlite3.Connection, session_id: str) -> bool:
    found = connection.execute("SELECT 1 FROM sessions WHERE id = ? AND ended_at_ms IS NULL", (session_id,)).fetchone()
    return found is not None
