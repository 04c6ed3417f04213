"""Which deliveries to webhooks are posted now: webhooks take turns, and none costs another anything.

However many deliveries wait, a claim reads the heads of the queues (one for each webhook that has any: a loose scan of
`queue_by_target`) and then what it leases. What another node is claiming just now is passed over.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cstar_cli.cloud.store.postgres.connection import Connection, Row
from cstar_cli.cloud.store.postgres.database import Written
from cstar_cli.cloud.store.postgres.recording import stop
from cstar_cli.cloud.store.reasons import STOPPED, WEBHOOK_DELETED, webhook_disabled
from cstar_cli.cloud.store.wakeups import attempts_of
from cstar_cli.cloud.store.webhooks import Claim, Claimed

STOPPED_A_CLAIM = 500
SHORTEST_WAIT_MS = 20  # for what another node has locked

# The first that waits for each webhook. One look for both: what was here lately leaves dead entries in the index, which
# each look goes over until they are vacuumed.
_HEADS = """
WITH RECURSIVE head (target, due_at_ms) AS (
    (SELECT target, due_at_ms FROM queue WHERE due_at_ms IS NOT NULL ORDER BY target, due_at_ms LIMIT 1)
    UNION ALL
    SELECT next.* FROM head CROSS JOIN LATERAL (
        SELECT target, due_at_ms FROM queue WHERE due_at_ms IS NOT NULL AND target > head.target
        ORDER BY target, due_at_ms LIMIT 1
    ) next
)
SELECT head.target, due_at_ms - ms, webhook.is_active, webhook.disabled_reason
FROM (SELECT now_ms() AS ms) now CROSS JOIN head
LEFT JOIN LATERAL (SELECT is_active, disabled_reason FROM webhooks WHERE id = head.target LIMIT 1) webhook ON TRUE
ORDER BY head.target
"""
_LEASE = """
WITH now AS MATERIALIZED (SELECT now_ms() AS ms), locked AS MATERIALIZED (
    SELECT place, first.* FROM unnest($1::text[], $2::integer[], $3::boolean[])
        WITH ORDINALITY AS line (webhook_id, count, is_active, place)
    CROSS JOIN LATERAL (
        SELECT seq, size, due_at_ms FROM queue
        WHERE target = webhook_id AND due_at_ms <= (SELECT ms FROM now) AND (once OR line.is_active)
        ORDER BY due_at_ms, seq LIMIT line.count FOR UPDATE SKIP LOCKED
    ) first
), turns AS (
    SELECT *, row_number() OVER (PARTITION BY place ORDER BY due_at_ms, seq) AS turn FROM locked
), sized AS (
    SELECT *, sum(size) OVER (ORDER BY turn, place) AS total, row_number() OVER (ORDER BY turn, place) AS number
    FROM turns
), chosen AS MATERIALIZED (
    SELECT array_agg(seq ORDER BY number) AS seqs FROM sized WHERE total <= $5 OR number = 1 AND $6
), leased AS (
    UPDATE queue SET lease = nextval('leases'), due_at_ms = (SELECT ms FROM now) + $4,
        leased_until_ms = (SELECT ms FROM now) + $4
    WHERE seq = ANY ((SELECT seqs FROM chosen)::bigint[]) RETURNING seq, target, lease, size
)
SELECT leased.*, d.id, d.team_id, d.event_id, d.event_type, d.attempt_count + 1 AS attempt, d.first_attempt, d.once,
    d.url AS url_so_far, e.body, e.wire AS made_in, w.url, w.wire, w.secret,
    CASE WHEN w.previous_secret_until_ms > ms THEN w.previous_secret END AS previous_secret
FROM now CROSS JOIN leased
CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE deliveries.seq = leased.seq LIMIT 1) d
CROSS JOIN LATERAL (SELECT body, wire FROM events WHERE events.seq = d.event_seq LIMIT 1) e
CROSS JOIN LATERAL (SELECT * FROM webhooks WHERE webhooks.id = leased.target LIMIT 1) w
ORDER BY array_position((SELECT seqs FROM chosen), leased.seq)
"""
_STOPPABLE = """
SELECT waiting.* FROM unnest($1::text[], $2::boolean[]) AS gone (webhook_id, deleted), (SELECT now_ms() AS ms) now
CROSS JOIN LATERAL (
    SELECT d.* FROM queue q
    CROSS JOIN LATERAL (SELECT seq, team_id, target FROM deliveries WHERE deliveries.seq = q.seq LIMIT 1) d
    WHERE q.target = webhook_id AND q.due_at_ms IS NOT NULL AND (deleted OR NOT q.once)
        AND (q.leased_until_ms IS NULL OR q.leased_until_ms <= ms)
    LIMIT $3 FOR UPDATE SKIP LOCKED
) waiting LIMIT $3
"""
# How long until the first of what is left is due; a line is of all, or only of what goes once or doesn't.
_WAIT = """
SELECT min(first.due_at_ms) - now_ms()
FROM unnest($1::text[], $2::boolean[]) AS line (webhook_id, only_once)
CROSS JOIN LATERAL (
    SELECT due_at_ms FROM queue
    WHERE target = webhook_id AND due_at_ms IS NOT NULL AND (only_once IS NULL OR once = only_once)
    ORDER BY due_at_ms LIMIT 1
) first
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a node asks for; the fields are those of `Queue.claim`."""

    busy: Mapping[str, int]
    per_webhook: int
    limit: int
    most_bytes: int
    lease_ms: int


@dataclass(slots=True)
class _Line:
    """What waits for one webhook, and how many more of it may be posted; of one not active only what goes once."""

    webhook_id: str
    is_active: bool
    free: int


class Turns:
    """Remembers whose turn was last, so that a small limit reaches every webhook in time."""

    def __init__(self) -> None:
        self._last = ""

    def order(self, lines: Sequence[_Line]) -> list[_Line]:
        """Put first whoever comes after the last one served; the lines are ordered by id."""
        after = [line for line in lines if line.webhook_id > self._last]
        return after + [line for line in lines if line.webhook_id <= self._last]

    def served(self, webhook_id: str) -> None:
        self._last = webhook_id


@dataclass(frozen=True, slots=True)
class _Gone:
    """A webhook that is deleted, or else not active, and that something waits for."""

    webhook_id: str
    is_deleted: bool
    reason: str


async def claim(connection: Connection, wanted: Wanted, turns: Turns) -> Written[Claimed]:
    """Lease what is due, and end what can't be posted any more."""
    waits_ms: list[int] = []
    lines: list[_Line] = []
    gone: list[_Gone] = []
    for webhook_id, due_in_ms, is_active, disabled_reason in await connection.fetch(_HEADS):
        if is_active is None:
            gone.append(_Gone(webhook_id, True, WEBHOOK_DELETED))
            continue
        if not is_active:
            gone.append(_Gone(webhook_id, False, webhook_disabled(disabled_reason)))
        free = wanted.per_webhook - wanted.busy.get(webhook_id, 0)
        if is_active and due_in_ms > 0 and free > 0:
            waits_ms.append(due_in_ms)
        elif free > 0:
            lines.append(_Line(webhook_id, is_active, free))
    stopped = await _stop(connection, gone)
    claims = await _lease(connection, wanted, turns.order(lines), turns)
    left_ms = await _wait_for_what_is_left(connection, lines, gone)
    if left_ms is not None:
        waits_ms.append(max(left_ms, 0 if claims or stopped else SHORTEST_WAIT_MS))
    topics = sorted(attempts_of(team_id) for team_id in stopped)
    return Written(Claimed(claims, min(waits_ms, default=None)), topics)


async def _stop(connection: Connection, gone: Sequence[_Gone]) -> Collection[str]:
    """End what waits for webhooks that are gone, so many a claim; return the teams that this concerns."""
    if not gone:
        return ()
    found = await connection.fetch(
        _STOPPABLE, [one.webhook_id for one in gone], [one.is_deleted for one in gone], STOPPED_A_CLAIM
    )
    for one in gone:
        seqs = [seq for seq, _, webhook_id in found if webhook_id == one.webhook_id]
        await stop(connection, seqs, "failed", one.reason, STOPPED)
    return {team_id for _, team_id, _ in found}


async def _lease(connection: Connection, wanted: Wanted, lines: Sequence[_Line], turns: Turns) -> Sequence[Claim]:
    """Share what may be taken evenly: who has less than its share leaves the rest to the others."""
    claims: list[Claim] = []
    bytes_left = wanted.most_bytes
    while lines and len(claims) < wanted.limit:
        room = wanted.limit - len(claims)
        share, more = divmod(room, len(lines))
        asked = [(line, min(share + (place < more), line.free)) for place, line in enumerate(lines[:room])]
        found = await connection.fetch(
            _LEASE,
            [line.webhook_id for line, _ in asked],
            [count for _, count in asked],
            [line.is_active for line, _ in asked],
            wanted.lease_ms,
            bytes_left,
            not claims,
        )
        await _follow_urls(connection, found)
        taken = Counter(row["target"] for row in found)
        bytes_left -= sum(row["size"] for row in found)
        claims += map(_claim, found)
        for line, _ in sorted(asked, key=lambda one: one[1]):  # last who had one more: the next has it next time
            line.free -= taken[line.webhook_id]
            if taken[line.webhook_id]:
                turns.served(line.webhook_id)
        lines = [line for line, count in asked if taken[line.webhook_id] == count and line.free] + [*lines[room:]]
        if bytes_left <= 0 or not found:
            break
    return claims


async def _follow_urls(connection: Connection, found: Sequence[Row]) -> None:
    """Note where those go whose webhook has another URL than when they were made."""
    moved = [(row["seq"], row["url"]) for row in found if row["url"] != row["url_so_far"]]
    if moved:
        await connection.execute(
            "UPDATE deliveries SET url = ($2::text[])[array_position($1, seq)] WHERE seq = ANY ($1::bigint[])",
            [seq for seq, _ in moved],
            [url for _, url in moved],
        )


async def _wait_for_what_is_left(connection: Connection, lines: Sequence[_Line], gone: Sequence[_Gone]) -> int | None:
    left = [(line.webhook_id, None if line.is_active else True) for line in lines if line.free]
    left += [(one.webhook_id, None if one.is_deleted else False) for one in gone]
    if not left:
        return None
    wait_ms: int | None = await connection.fetchval(_WAIT, [id_ for id_, _ in left], [once for _, once in left])
    return wait_ms


def _claim(row: Row) -> Claim:
    secrets = (row["previous_secret"], row["secret"]) if row["previous_secret"] else (row["secret"],)
    return Claim(
        delivery_id=row["id"],
        lease=row["lease"],
        team_id=row["team_id"],
        event_id=row["event_id"],
        event_type=row["event_type"],
        webhook_id=row["target"],
        url=row["url"],
        attempt=row["attempt"],
        retries=None if row["once"] else row["attempt"] - row["first_attempt"],
        body=row["body"],
        secrets=secrets,
        made_in=row["made_in"],
        wire=row["wire"],
    )
