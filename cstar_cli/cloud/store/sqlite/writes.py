"""Events and their deliveries, made within a transaction that the writer holds."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cstar_cli.cloud.store.reasons import inactive_webhook, unknown_session, unknown_webhook
from cstar_cli.cloud.store.records import Delivery
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.writer import Written
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.events.envelope import Event, new_id

_INSERT_DELIVERY = (
    "INSERT INTO deliveries (team_id, event_seq, id, event_id, event_type, target, url, status, attempt_count,"
    " created_at_ms, next_attempt_at_ms, due_at_ms, once) VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class _Target:
    id: str
    url: str


def append_event(
    connection: sqlite3.Connection, event: Event, only: str | None, now_ms: int
) -> Written[Sequence[Delivery]]:
    """Store the event and its deliveries: one for each target that matches, or one for that webhook alone."""
    known = connection.execute(
        "SELECT seq FROM events WHERE id = ? AND team_id = ?", (event.id, event.team_id)
    ).fetchone()
    if known:
        return Written(_deliveries_of(connection, known[0]))
    targets = _matching(connection, event.team_id, event.type) if only is None else [_webhook(connection, event, only)]
    event_seq = connection.execute(
        "INSERT INTO events (id, team_id, type, created_at_ms, body) VALUES (?, ?, ?, ?, ?)",
        (event.id, event.team_id, event.type, event.created_at_ms, event.body),
    ).lastrowid
    assert event_seq is not None
    connection.execute("INSERT OR IGNORE INTO event_types VALUES (?, ?)", (event.team_id, event.type))
    return _deliver(connection, event, event_seq, targets, event.created_at_ms, now_ms, once=only is not None)


def resend(
    connection: sqlite3.Connection, team_id: str, event_id: str, target: str | None, now_ms: int
) -> Written[Sequence[Delivery] | None]:
    """Make new deliveries of an event that is stored. Raises Conflict."""
    row = connection.execute(
        f"SELECT seq, {rows.EVENT} FROM events WHERE id = ? AND team_id = ?", (event_id, team_id)
    ).fetchone()
    if not row:
        return Written(None)
    event_seq, event = row[0], rows.event(row[1:])
    if target is None:
        targets = _matching(connection, team_id, event.type)
    elif _is_webhook(target):
        targets = [_active_webhook(connection, event, target)]
    else:
        targets = [_session(connection, event, target)]
    made = _deliver(connection, event, event_seq, targets, now_ms, now_ms)
    return Written(made.result, made.topics)


def _deliver(
    connection: sqlite3.Connection,
    event: Event,
    event_seq: int,
    targets: Iterable[_Target],
    created_at_ms: int,
    now_ms: int,
    *,
    once: bool = False,
) -> Written[Sequence[Delivery]]:
    deliveries = [
        Delivery(
            id=new_id("dlv"),
            event_id=event.id,
            event_type=event.type,
            target=target.id,
            url=target.url,
            status="pending",
            attempt_count=0,
            created_at_ms=created_at_ms,
            next_attempt_at_ms=created_at_ms,
        )
        for target in targets
    ]
    connection.executemany(
        _INSERT_DELIVERY,
        [
            (event.team_id, event_seq, d.id, d.event_id, d.event_type, d.target, d.url)
            + (created_at_ms, created_at_ms, now_ms if _is_webhook(d.target) else None, once)
            for d in deliveries
        ],
    )
    topics = {WEBHOOKS if _is_webhook(delivery.target) else delivery.target for delivery in deliveries}
    return Written(deliveries, tuple(topics))


def _is_webhook(target: str) -> bool:
    return target.startswith(rows.WEBHOOK_PREFIX)


def _matching(connection: sqlite3.Connection, team_id: str, event_type: str) -> Sequence[_Target]:
    """The open sessions and active webhooks of the team that want events of the type."""
    wanting = connection.execute(
        "SELECT id, forward_to, patterns FROM sessions WHERE team_id = :team_id AND ended_at_ms IS NULL"
        " UNION ALL SELECT id, url, patterns FROM webhooks WHERE team_id = :team_id AND is_active",
        {"team_id": team_id},
    )
    return [_Target(id_, url) for id_, url, patterns in wanting if rows.filter(patterns).matches(event_type)]


def _webhook(connection: sqlite3.Connection, event: Event, webhook_id: str) -> _Target:
    row = connection.execute(
        "SELECT id, url FROM webhooks WHERE id = ? AND team_id = ?", (webhook_id, event.team_id)
    ).fetchone()
    if not row:
        raise unknown_webhook(webhook_id)
    return _Target(*row)


def _active_webhook(connection: sqlite3.Connection, event: Event, webhook_id: str) -> _Target:
    target = _webhook(connection, event, webhook_id)
    is_active, reason = connection.execute(
        "SELECT is_active, disabled_reason FROM webhooks WHERE id = ?", (webhook_id,)
    ).fetchone()
    if not is_active:
        raise inactive_webhook(webhook_id, reason)
    return target


def _session(connection: sqlite3.Connection, event: Event, session_id: str) -> _Target:
    row = connection.execute(
        "SELECT id, forward_to FROM sessions WHERE id = ? AND team_id = ? AND ended_at_ms IS NULL",
        (session_id, event.team_id),
    ).fetchone()
    if not row:
        raise unknown_session(session_id)
    return _Target(*row)


def _deliveries_of(connection: sqlite3.Connection, event_seq: int) -> Sequence[Delivery]:
    found = connection.execute(f"SELECT {rows.DELIVERY} FROM deliveries WHERE event_seq = ? ORDER BY seq", (event_seq,))
    return [rows.delivery(row) for row in found]
