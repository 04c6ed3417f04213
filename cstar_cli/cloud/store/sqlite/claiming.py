"""Which deliveries to webhooks are posted now: webhooks take turns, and none costs another anything.

However many deliveries wait, a claim reads the heads of the queues (one for each webhook that has any: a loose scan of
`due_deliveries`) and then what it leases.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from cstar_cli.cloud.store.reasons import STOPPED, WEBHOOK_DELETED, webhook_disabled
from cstar_cli.cloud.store.sqlite import leases, rows
from cstar_cli.cloud.store.sqlite.leases import UNLEASED
from cstar_cli.cloud.store.sqlite.recording import stop
from cstar_cli.cloud.store.sqlite.writer import Written
from cstar_cli.cloud.store.wakeups import attempts_of
from cstar_cli.cloud.store.webhooks import Claim, Claimed

STOPPED_A_CLAIM = 500


def waiting_in(index: str, condition: str) -> str:
    """Return the SQL of `waiting`, the targets that there is something for in an index by target.

    The index is named, for the planner can't know how few there are in it.
    """
    return f"""
WITH RECURSIVE waiting (target) AS (
    SELECT min(target) FROM deliveries INDEXED BY {index} WHERE {condition}
    UNION ALL
    SELECT (
        SELECT min(target) FROM deliveries INDEXED BY {index} WHERE {condition} AND target > waiting.target
    ) FROM waiting WHERE target IS NOT NULL
)
"""


WAITING = waiting_in("due_deliveries", "due_at_ms IS NOT NULL")
_HEADS = f"""{WAITING}
SELECT target, (
    SELECT due_at_ms FROM deliveries d INDEXED BY due_deliveries
    WHERE d.target = w.target AND due_at_ms IS NOT NULL AND {UNLEASED} ORDER BY due_at_ms LIMIT 1
), (
    SELECT min(until_ms) FROM temp.leases WHERE target = w.target AND until_ms > :now_ms
), is_active, url, secret, previous_secret, previous_secret_until_ms, disabled_reason, wire
FROM waiting w LEFT JOIN webhooks ON id = w.target
WHERE w.target IS NOT NULL AND (is_active IS NOT TRUE OR w.target NOT IN (SELECT value FROM json_each(:full)))
"""
_DUE = (
    "SELECT d.seq, d.id, d.team_id, d.event_id, d.event_type, d.attempt_count + 1, d.first_attempt, d.once, d.url,"
    " e.wire, e.body FROM deliveries d INDEXED BY {index} CROSS JOIN events e ON e.seq = d.event_seq"
    f" WHERE d.target = :target AND d.due_at_ms <= :now_ms AND {{condition}} AND {UNLEASED}"
    " ORDER BY d.due_at_ms, d.seq LIMIT :count"
)
# When the first may go that nobody has; else when the first lease of the others runs out.
_FIRST = (
    "SELECT due_at_ms FROM deliveries d INDEXED BY {index} WHERE target = :target AND due_at_ms IS NOT NULL"
    f" AND {{condition}} AND {UNLEASED} ORDER BY due_at_ms LIMIT 1"
)
_FIRST_END = (
    "SELECT min(l.until_ms) FROM temp.leases l CROSS JOIN deliveries d ON d.seq = l.seq"
    " WHERE l.target = :target AND l.until_ms > :now_ms AND d.due_at_ms IS NOT NULL AND {condition}"
)
_ANY = ("due_deliveries", "TRUE")
_ONCE = ("due_once", "once = 1")


class Wanted(msgspec.Struct, frozen=True):
    """What a node asks for; the fields are those of `Queue.claim`."""

    busy: Mapping[str, int]
    per_webhook: int
    limit: int
    most_bytes: int
    lease_ms: int


class _Head(msgspec.Struct, frozen=True):
    """A webhook that something waits for. One that was deleted has no URL.

    `due_at_ms` is when the first that isn't under way is due, `leased_until_ms` when the first lease runs out.
    """

    webhook_id: str
    due_at_ms: int | None
    leased_until_ms: int | None
    is_active: int | None
    url: str | None
    secret: str | None
    previous_secret: str | None
    previous_secret_until_ms: int | None
    disabled_reason: str | None
    wire: str | None

    def secrets(self, now_ms: int) -> tuple[str, ...]:
        """Those that are valid at that time, the older one first."""
        assert self.secret is not None
        if self.previous_secret and (self.previous_secret_until_ms or 0) > now_ms:
            return (self.previous_secret, self.secret)
        return (self.secret,)


class _Line(msgspec.Struct):
    """What waits for one webhook and may be posted, and how many more of it; `which` are the index and a condition."""

    webhook_id: str
    url: str
    secrets: tuple[str, ...]
    wire: str
    which: tuple[str, str]
    free: int


class Turns:
    """Remembers whose turn was last, so that a small limit reaches every webhook in time."""

    def __init__(self) -> None:
        self._last = ""

    def order(self, lines: Sequence[_Line]) -> list[_Line]:
        """Go round by id, from the one after the last one served."""
        return sorted(lines, key=lambda line: (line.webhook_id <= self._last, line.webhook_id))

    def served(self, line: _Line) -> None:
        self._last = line.webhook_id


def claim(connection: sqlite3.Connection, wanted: Wanted, turns: Turns, now_ms: int) -> Written[Claimed]:
    """Lease what is due, and end what can't be posted any more."""
    waits_ms: list[int] = []
    stopping = _Stopping(connection, now_ms)
    lines: list[_Line] = []
    full = [webhook_id for webhook_id, count in wanted.busy.items() if count >= wanted.per_webhook]
    for row in connection.execute(_HEADS, {"now_ms": now_ms, "full": json.dumps(full)}).fetchall():
        head = _Head(*row)
        free = wanted.per_webhook - wanted.busy.get(head.webhook_id, 0)
        if not head.is_active:
            stopping.stop(head)
        elif head.due_at_ms is None or head.due_at_ms > now_ms:
            waits_ms += [ms - now_ms for ms in (head.due_at_ms, head.leased_until_ms) if ms is not None]
            continue
        if free > 0 and head.url is not None and head.wire is not None:
            which = _ANY if head.is_active else _ONCE
            lines.append(_Line(head.webhook_id, head.url, head.secrets(now_ms), head.wire, which, free))
    claims = _Claiming(connection, wanted, now_ms).among(turns.order(lines), turns)
    for line in lines:
        first_ms = _first_due_ms(connection, line.webhook_id, line.which, now_ms) if line.free else None
        if first_ms is not None:
            waits_ms.append(first_ms - now_ms)
            if first_ms <= now_ms:
                break
    wait_ms = min((max(0, wait) for wait in waits_ms + stopping.waits_ms), default=None)
    return Written(Claimed(claims, wait_ms), tuple(stopping.topics))


def _first_due_ms(connection: sqlite3.Connection, webhook_id: str, which: tuple[str, str], now_ms: int) -> int | None:
    index, condition = which
    values = {"target": webhook_id, "now_ms": now_ms}
    first = connection.execute(_FIRST.format(index=index, condition=condition), values).fetchone()
    if first and first[0] <= now_ms:
        return int(first[0])
    (end,) = connection.execute(_FIRST_END.format(condition=condition), values).fetchone()
    return min((int(ms) for ms in (*(first or ()), end) if ms is not None), default=None)


class _Claiming:
    """Leases deliveries until there are enough of them."""

    def __init__(self, connection: sqlite3.Connection, wanted: Wanted, now_ms: int) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self._until_ms = now_ms + wanted.lease_ms
        self._next_lease = leases.next_lease(connection)
        self._count_left = wanted.limit
        self._bytes_left = wanted.most_bytes
        self._full = False
        self._claims: list[Claim] = []

    def among(self, lines: Sequence[_Line], turns: Turns) -> Sequence[Claim]:
        """Share what may be taken evenly: who has less than its share leaves the rest to the others."""
        while lines and self._count_left > 0:
            share = max(1, self._count_left // len(lines))
            left: list[_Line] = []
            for line in lines:
                count = min(share, line.free, self._count_left)
                if count <= 0:
                    break
                taken = self._lease(line, count)
                if taken:
                    turns.served(line)
                if self._full:
                    return self._claims
                if taken == count and line.free:
                    left.append(line)
            lines = left
        return self._claims

    def _lease(self, line: _Line, count: int) -> int:
        """Take the first that are due, up to so many, and return how many these were."""
        index, condition = line.which
        found = self._connection.execute(
            _DUE.format(index=index, condition=condition),
            {"target": line.webhook_id, "now_ms": self._now_ms, "count": count},
        )
        taken: list[rows.Row] = []
        for row in found:
            size = len(row[-1])
            if size > self._bytes_left and self._claims:
                self._full = True
                break
            self._bytes_left -= size
            self._claims.append(_claim(line, self._next_lease + len(taken), row))
            taken.append(row)
        found.close()
        line.free -= len(taken)
        self._count_left -= len(taken)
        leases.add(self._connection, self._next_lease, line.webhook_id, [row[0] for row in taken], self._until_ms)
        self._next_lease += len(taken)
        moved = [(line.url, seq) for seq, *_, url, _, _ in taken if url != line.url]
        self._connection.executemany("UPDATE deliveries SET url = ? WHERE seq = ?", moved)
        return len(taken)


def _claim(line: _Line, lease: int, row: rows.Row) -> Claim:
    _, id_, team_id, event_id, event_type, attempt, first_attempt, once, _, made_in, body = row
    return Claim(
        delivery_id=id_,
        lease=lease,
        team_id=team_id,
        event_id=event_id,
        event_type=event_type,
        webhook_id=line.webhook_id,
        url=line.url,
        attempt=attempt,
        retries=None if once else attempt - first_attempt,
        body=body,
        secrets=line.secrets,
        made_in=made_in,
        wire=line.wire,
    )


class _Stopping:
    """Ends what waits for webhooks that are deleted or not active, so many a claim."""

    def __init__(self, connection: sqlite3.Connection, now_ms: int) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self._left = STOPPED_A_CLAIM
        self.waits_ms: list[int] = []
        self.topics: set[str] = set()

    def stop(self, head: _Head) -> None:
        reason = WEBHOOK_DELETED if head.url is None else webhook_disabled(head.disabled_reason)
        stoppable = "TRUE" if head.url is None else "once = 0"
        found = self._connection.execute(
            "SELECT seq, team_id FROM deliveries d INDEXED BY due_deliveries"
            f" WHERE target = :target AND due_at_ms IS NOT NULL AND {stoppable} AND {UNLEASED} LIMIT :most",
            {"target": head.webhook_id, "now_ms": self._now_ms, "most": self._left + 1},
        ).fetchall()
        chosen = found[: self._left]
        if chosen:
            team_id = chosen[0][1]
            stop(self._connection, team_id, [seq for seq, _ in chosen], "failed", reason, STOPPED, self._now_ms)
            self._left -= len(chosen)
            self.topics.add(attempts_of(team_id))
        if len(found) > len(chosen):
            self.waits_ms.append(0)
            return
        # What is left is under way: should nobody settle it, it ends here once its lease is over.
        leased_ms = _first_due_ms(self._connection, head.webhook_id, ("due_deliveries", stoppable), self._now_ms)
        if leased_ms is not None:
            self.waits_ms.append(leased_ms - self._now_ms)
