"""Events as they come in, many a transaction."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cstar_cli.cloud.store.interface import Conflict
from cstar_cli.cloud.store.postgres import making, rows
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.postgres.database import Written
from cstar_cli.cloud.store.postgres.making import Made, Wanting
from cstar_cli.cloud.store.postgres.recording import sparse
from cstar_cli.cloud.store.reasons import unknown_webhook
from cstar_cli.cloud.store.records import Delivery
from cstar_cli.cloud.store.targets import Target
from cstar_cli.events.envelope import Event

_INSERT = """
WITH given AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[], $6::text[], $7::text[])
    AS given (id, team_id, type, created_at_ms, body, origin, wire)
), types AS (
    INSERT INTO event_types SELECT DISTINCT team_id, type FROM given ORDER BY team_id, type ON CONFLICT DO NOTHING
)
INSERT INTO events (id, team_id, type, created_at_ms, body, origin, wire) SELECT * FROM given
ON CONFLICT (id) DO NOTHING RETURNING id, seq
"""


@dataclass(frozen=True, slots=True)
class Appending:
    """An event to store, for all that want it or for one webhook alone."""

    event: Event
    only: str | None

    @property
    def key(self) -> tuple[str, str]:
        return self.event.team_id, self.event.id


async def append(
    connection: Connection, items: Sequence[Appending]
) -> Written[Sequence[Sequence[Delivery] | Exception]]:
    """Store the events with their deliveries; one that is stored already answers those it has."""
    await making.keep_sessions_open(connection, {item.event.team_id for item in items})
    lone = await _lone(connection, [item.only for item in items if item.only is not None])
    fresh = {item.key: item for item in reversed(items) if item.only is None or (item.event.team_id, item.only) in lone}
    stored = await _store(connection, [item.event for item in reversed(fresh.values())])
    made: dict[tuple[str, str], Sequence[Made]] = {}
    if stored:
        wanting = await Wanting.of(connection, {team_id for team_id, _ in stored})
        for key, event_seq in stored.items():
            event, only = fresh[key].event, fresh[key].only
            targets = wanting.those(event, event.origin) if only is None else [lone[event.team_id, only]]
            made[key] = making.make(event, event_seq, targets, event.created_at_ms, once=only is not None)
    everything = [one for of_event in made.values() for one in of_event]
    await making.insert(connection, everything)
    known = await _known(connection, [item.event.id for item in items if item.key not in stored])
    deliveries = known | {key: [one.delivery for one in of_event] for key, of_event in made.items()}
    return Written(
        [deliveries[item.key] if item.key in deliveries else _refused(item) for item in items],
        making.topics(everything),
    )


async def _lone(connection: Connection, webhook_ids: Collection[str]) -> Mapping[tuple[str, str], Target]:
    """The webhooks that an event is for alone, each under its team's id and its own."""
    if not webhook_ids:
        return {}
    found = await connection.fetch("SELECT team_id, id, url FROM webhooks WHERE id = ANY ($1::text[])", [*webhook_ids])
    return {(team_id, id_): Target(id_, url) for team_id, id_, url in found}


async def _store(connection: Connection, events: Sequence[Event]) -> Mapping[tuple[str, str], int]:
    """Store those that aren't yet; return their numbers, in the order given."""
    if not events:
        return {}
    stored = await connection.fetch(
        _INSERT,
        [event.id for event in events],
        [event.team_id for event in events],
        [event.type for event in events],
        [event.created_at_ms for event in events],
        [event.body for event in events],
        sparse([event.origin for event in events]),
        [event.wire for event in events],
    )
    teams = {event.id: event.team_id for event in reversed(events)}  # of equal ids the first is the one stored
    return {(teams[id_], id_): seq for id_, seq in stored}


async def _known(connection: Connection, event_ids: Collection[str]) -> dict[tuple[str, str], Sequence[Delivery]]:
    """The deliveries of events that are stored already."""
    if not event_ids:
        return {}
    events = await connection.fetch("SELECT seq, team_id, id FROM events WHERE id = ANY ($1::text[])", list(event_ids))
    found = await connection.fetch(
        f"SELECT event_seq, {rows.DELIVERY} FROM deliveries WHERE event_seq = ANY ($1::bigint[]) ORDER BY seq",
        [seq for seq, _, _ in events],
    )
    deliveries: dict[int, list[Delivery]] = defaultdict(list)
    for row in found:
        deliveries[row[0]].append(rows.listed_delivery(row))
    return {(team_id, id_): deliveries[seq] for seq, team_id, id_ in events}


def _refused(item: Appending) -> Conflict:
    if item.only is not None:
        return unknown_webhook(item.only)
    return Conflict(f"{item.event.id} is another team's event: give yours an id of its own.")
