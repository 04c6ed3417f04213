"""Deliveries as they are made: for whom, and into which tables."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from cstar_cli.cloud.store.postgres import rows
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.records import Delivery
from cstar_cli.cloud.store.targets import Target, deliveries_to
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.events.envelope import Event
from cstar_cli.events.filters import EventFilter

_INSERT = """
WITH given AS (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
        $9::boolean[], $10::integer[]
    ) AS given (id, team_id, event_seq, event_id, event_type, target, url, created_at_ms, once, size)
), made AS (
    INSERT INTO deliveries (
        id, team_id, event_seq, event_id, event_type, target, url, status, attempt_count, created_at_ms,
        next_attempt_at_ms, once
    )
    SELECT id, team_id, event_seq, event_id, event_type, target, url, 'pending', 0, created_at_ms, created_at_ms, once
    FROM given RETURNING seq, id
)
INSERT INTO queue (seq, target, due_at_ms, once, size)
SELECT made.seq, given.target, (SELECT now_ms()), given.once, given.size
FROM made JOIN given ON given.id = made.id WHERE starts_with(given.target, $11)
"""
_TARGETS = """
SELECT team_id, id, forward_to, origin, away_since_ms IS NOT NULL, patterns FROM sessions
WHERE team_id = ANY ($1::text[]) AND ended_at_ms IS NULL AND epoch > 0
UNION ALL SELECT team_id, id, url, NULL, FALSE, patterns FROM webhooks WHERE team_id = ANY ($1::text[]) AND is_active
"""
_ENDING = 7827  # the first key of the locks that sessions end under; the second one is their team's


@dataclass(frozen=True, slots=True)
class Made:
    """A delivery to store, with what of it the record doesn't say."""

    delivery: Delivery
    team_id: str
    event_seq: int
    once: bool
    size: int


class Wanting:
    """The open sessions and active webhooks of some teams."""

    def __init__(self, targets: Mapping[str, Sequence[tuple[Target, EventFilter]]]) -> None:
        self._targets = targets

    @staticmethod
    async def of(connection: Connection, teams: Collection[str]) -> "Wanting":
        """Read them, once these sessions are kept open."""
        targets: dict[str, list[tuple[Target, EventFilter]]] = defaultdict(list)
        for team_id, id_, url, origin, is_away, patterns in await connection.fetch(_TARGETS, list(teams)):
            targets[team_id].append((Target(id_, url, origin, is_away), rows.filter(patterns)))
        return Wanting(targets)

    def those(self, event: Event, origin: str | None) -> Sequence[Target]:
        """Those of its team that want the event when it comes from there."""
        return [
            target
            for target, filter in self._targets.get(event.team_id, ())
            if filter.matches(event.type) and (target.origin is None or target.origin == origin)
        ]


async def keep_sessions_open(connection: Connection, teams: Collection[str]) -> None:
    """Let no session of the teams end before this transaction does: it would leave its new deliveries behind.

    None catches up meanwhile either: call this before an event is stored.
    """
    await connection.execute(
        "SELECT pg_advisory_xact_lock_shared($1, key) FROM unnest($2::integer[]) key", _ENDING, sorted(map(_key, teams))
    )


async def wait_for_appends(connection: Connection, team_id: str) -> None:
    """Return when every transaction that may have seen a session of the team open is over."""
    await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", _ENDING, _key(team_id))


def make(
    event: Event, event_seq: int, targets: Sequence[Target], created_at_ms: int, *, once: bool = False
) -> Sequence[Made]:
    return [
        Made(delivery, event.team_id, event_seq, once, len(event.body))
        for delivery in deliveries_to(targets, event, created_at_ms)
    ]


async def insert(connection: Connection, made: Sequence[Made]) -> None:
    """Store them, and queue those to webhooks."""
    if not made:
        return
    deliveries = [one.delivery for one in made]
    await connection.execute(
        _INSERT,
        [delivery.id for delivery in deliveries],
        [one.team_id for one in made],
        [one.event_seq for one in made],
        [delivery.event_id for delivery in deliveries],
        [delivery.event_type for delivery in deliveries],
        [delivery.target for delivery in deliveries],
        [delivery.url for delivery in deliveries],
        [delivery.created_at_ms for delivery in deliveries],
        [one.once for one in made],
        [one.size for one in made],
        rows.WEBHOOK_PREFIX,
    )


def topics(made: Sequence[Made]) -> Sequence[str]:
    """Whom to wake for them."""
    targets = {one.delivery.target for one in made}
    return tuple({WEBHOOKS if target.startswith(rows.WEBHOOK_PREFIX) else target for target in targets})


def _key(team_id: str) -> int:
    return crc32(team_id.encode()) - 2**31
