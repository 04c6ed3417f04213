"""Events and their deliveries, made within a transaction that the writer holds."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cstar_cli.cloud.store.reasons import inactive_webhook, unknown_session, unknown_webhook
from cstar_cli.cloud.store.records import Delivery
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.chunks import insert
from cstar_cli.cloud.store.sqlite.writer import Written
from cstar_cli.cloud.store.targets import Target, deliveries_to
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.events.envelope import Event

_INSERT_EVENT = (
    "INSERT INTO events (seq, id, team_id, type, created_at_ms, body, origin, wire) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_DELIVERIES = (
    "INSERT INTO deliveries (team_id, event_seq, id, event_id, event_type, target, url, status, attempt_count,"
    " created_at_ms, next_attempt_at_ms, due_at_ms, once)"
)


class _Made(NamedTuple):
    event: Event
    seq: int
    deliveries: Sequence[Delivery]


def append_events(
    connection: sqlite3.Connection, events: Sequence[Event], now_ms: int
) -> Written[Sequence[Sequence[Delivery]]]:
    """Store the events with a delivery for each target that matches; of one that is stored, answer those it has."""
    first = 1 + _last_event_seq(connection)
    fresh = dict(enumerate({event.id: event for event in events}.values(), first))
    before = connection.total_changes
    connection.executemany(
        f"{_INSERT_EVENT} ON CONFLICT (id) DO NOTHING",
        [_row(seq, event) for seq, event in fresh.items()],
    )
    stored: Mapping[str, int] = {}
    if connection.total_changes - before < len(fresh):
        stored = {id_: seq for id_, seq in _seqs_of(connection, events).items() if seq < first}
        fresh = {seq: event for seq, event in fresh.items() if event.id not in stored}
    kinds = list(dict.fromkeys((event.team_id, event.type) for event in fresh.values()))
    connection.executemany("INSERT OR IGNORE INTO event_types VALUES (?, ?)", kinds)
    targets = {kind: _matching(connection, *kind) for kind in kinds}
    made = [
        _Made(
            event,
            seq,
            deliveries_to(_of_origin(targets[event.team_id, event.type], event.origin), event, event.created_at_ms),
        )
        for seq, event in fresh.items()
    ]
    topics = _insert(connection, made, now_ms)
    new = {event.id: deliveries for event, _, deliveries in made}
    answers = [new[e.id] if e.id in new else _deliveries_of(connection, stored[e.id]) for e in events]
    return Written(answers, topics)


def append_for_one(
    connection: sqlite3.Connection, event: Event, webhook_id: str, now_ms: int
) -> Written[Sequence[Delivery]]:
    """Store the event with one delivery, once, to that webhook alone. Raises Conflict."""
    stored = _seqs_of(connection, [event])
    if stored:
        return Written(_deliveries_of(connection, stored[event.id]))
    target = _webhook(connection, event, webhook_id)
    event_seq = 1 + _last_event_seq(connection)
    connection.execute(_INSERT_EVENT, _row(event_seq, event))
    connection.execute("INSERT OR IGNORE INTO event_types VALUES (?, ?)", (event.team_id, event.type))
    deliveries = deliveries_to([target], event, event.created_at_ms)
    return Written(deliveries, _insert(connection, [_Made(event, event_seq, deliveries)], now_ms, once=True))


def resend(
    connection: sqlite3.Connection, team_id: str, event_id: str, target: str | None, origin: str | None, now_ms: int
) -> Written[Sequence[Delivery] | None]:
    """Make new deliveries of an event that is stored. Raises Conflict."""
    row = connection.execute(
        f"SELECT seq, {rows.EVENT} FROM events WHERE id = ? AND team_id = ?", (event_id, team_id)
    ).fetchone()
    if not row:
        return Written(None)
    event_seq, event = row[0], rows.event(row[1:])
    if target is None:
        targets = _of_origin(_matching(connection, team_id, event.type), origin or event.origin)
    elif _is_webhook(target):
        targets = [_active_webhook(connection, event, target)]
    else:
        targets = [_session(connection, event, target)]
    deliveries = deliveries_to(targets, event, now_ms)
    return Written(deliveries, _insert(connection, [_Made(event, event_seq, deliveries)], now_ms))


def _seqs_of(connection: sqlite3.Connection, events: Sequence[Event]) -> dict[str, int]:
    """The numbers of those that are stored. Raises IntegrityError for the id of another team's event."""
    teams = {event.id: event.team_id for event in events}
    found = connection.execute(
        "SELECT id, seq, team_id FROM events WHERE id IN (SELECT value FROM json_each(?))", (json.dumps([*teams]),)
    )
    seqs = {}
    for id_, seq, team_id in found:
        if team_id != teams[id_]:
            raise sqlite3.IntegrityError(f"{id_} is another team's event")
        seqs[id_] = seq
    return seqs


def _row(seq: int, event: Event) -> rows.Row:
    return (seq, event.id, event.team_id, event.type, event.created_at_ms, event.body, event.origin, event.wire)


def _last_event_seq(connection: sqlite3.Connection) -> int:
    """The last number that was given, even if its event is forgotten: numbers are never used again."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return int(row[0]) if row else 0


def _insert(connection: sqlite3.Connection, made: Iterable[_Made], now_ms: int, *, once: bool = False) -> Sequence[str]:
    """Store the deliveries, and return whom to wake."""
    stored = [
        (event.team_id, seq, d.id, d.event_id, d.event_type, d.target, d.url, "pending", 0)
        + (d.created_at_ms, d.created_at_ms, now_ms if _is_webhook(d.target) else None, once)
        for event, seq, deliveries in made
        for d in deliveries
    ]
    if not stored:
        return ()
    insert(connection, _DELIVERIES, stored)
    targets = {row[5] for row in stored}
    return tuple({WEBHOOKS if _is_webhook(target) else target for target in targets})


def _is_webhook(target: str) -> bool:
    return target.startswith(rows.WEBHOOK_PREFIX)


def _matching(connection: sqlite3.Connection, team_id: str, event_type: str) -> Sequence[Target]:
    """The open sessions and active webhooks of the team that want events of the type."""
    wanting = connection.execute(
        "SELECT id, forward_to, origin, away_since_ms IS NOT NULL, patterns FROM sessions"
        " WHERE team_id = :team_id AND ended_at_ms IS NULL"
        " AND epoch"
        " UNION ALL SELECT id, url, NULL, 0, patterns FROM webhooks WHERE team_id = :team_id AND is_active",
        {"team_id": team_id},
    )
    return [
        Target(id_, url, origin, bool(is_away))
        for id_, url, origin, is_away, patterns in wanting
        if rows.filter(patterns).matches(event_type)
    ]


def _of_origin(targets: Sequence[Target], origin: str | None) -> Sequence[Target]:
    """Those that take events of the origin."""
    return [target for target in targets if target.origin is None or target.origin == origin]


def _webhook(connection: sqlite3.Connection, event: Event, webhook_id: str) -> Target:
    row = connection.execute(
        "SELECT id, url FROM webhooks WHERE id = ? AND team_id = ?", (webhook_id, event.team_id)
    ).fetchone()
    if not row:
        raise unknown_webhook(webhook_id)
    return Target(*row)


def _active_webhook(connection: sqlite3.Connection, event: Event, webhook_id: str) -> Target:
    target = _webhook(connection, event, webhook_id)
    is_active, reason = connection.execute(
        "SELECT is_active, disabled_reason FROM webhooks WHERE id = ?", (webhook_id,)
    ).fetchone()
    if not is_active:
        raise inactive_webhook(webhook_id, reason)
    return target


def _session(connection: sqlite3.Connection, event: Event, session_id: str) -> Target:
    row = connection.execute(
        "SELECT id, forward_to, origin, away_since_ms IS NOT NULL FROM sessions"
        " WHERE id = ? AND team_id = ? AND ended_at_ms IS NULL",
        (session_id, event.team_id),
    ).fetchone()
    if not row:
        raise unknown_session(session_id)
    id_, url, origin, is_away = row
    return Target(id_, url, origin, bool(is_away))


def _deliveries_of(connection: sqlite3.Connection, event_seq: int) -> Sequence[Delivery]:
    found = connection.execute(f"SELECT {rows.DELIVERY} FROM deliveries WHERE event_seq = ? ORDER BY seq", (event_seq,))
    return [rows.delivery(row) for row in found]
