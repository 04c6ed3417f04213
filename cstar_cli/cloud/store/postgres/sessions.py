"""The changes of sessions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cstar_cli.cloud.store.postgres import making, rows
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.postgres.database import Written
from cstar_cli.cloud.store.postgres.recording import Recorded, record, sparse, stop
from cstar_cli.cloud.store.reasons import CANCELED, SKIPPED, STOPPED
from cstar_cli.cloud.store.records import AttemptOutcome, Report, Retry, Session, Settled
from cstar_cli.cloud.store.wakeups import attempts_of

NODE_LOST_MS = 10_000
ENDED_AT_ONCE = 100

_SETTLE = """
UPDATE deliveries d SET attempt_count = given.attempt, next_attempt_at_ms = given.retry_at_ms,
    status = CASE WHEN given.succeeded THEN 'succeeded' WHEN given.retry_at_ms IS NULL THEN 'failed' ELSE 'pending' END
FROM (
    SELECT d.seq, given.*, now.ms,
        now.ms + (given.waits_ms::bigint[])[given.attempt - d.first_attempt + 1] AS retry_at_ms
    FROM (SELECT now_ms() AS ms) now
    CROSS JOIN unnest($1::text[], $2::text[], $3::integer[], $4::boolean[], $5::text[])
        AS given (id, target, attempt, succeeded, waits_ms)
    JOIN deliveries d USING (id) ORDER BY d.seq FOR UPDATE OF d
) given
WHERE d.seq = given.seq AND d.target = given.target AND d.status = 'pending' AND d.attempt_count = given.attempt - 1
RETURNING d.id, d.target, d.attempt_count, d.seq, d.next_attempt_at_ms, given.ms
"""
_UNANSWERED = """
SELECT seq FROM deliveries WHERE status = 'pending' AND seq = ANY (ARRAY(
    SELECT seq FROM undelivered WHERE target = $1 AND status = 'pending' AND attempt_count = 0
    UNION ALL SELECT seq FROM undelivered WHERE target = $1 AND status = 'pending' AND attempt_count > 0
)) ORDER BY seq FOR UPDATE
"""
_WAITING = """
SELECT d.seq FROM undelivered u CROSS JOIN LATERAL (
    SELECT seq FROM deliveries WHERE deliveries.seq = u.seq
        AND deliveries.status = 'pending' AND deliveries.attempt_count = 0 AND id <> ALL ($3::text[])
    LIMIT 1 FOR UPDATE
) d
WHERE u.target = $1 AND u.status = 'pending' AND u.attempt_count = 0
    AND EXISTS (SELECT 1 FROM sessions WHERE id = $1 AND epoch = $2 AND ended_at_ms IS NULL)
ORDER BY u.seq LIMIT $4
"""

_Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class _Given:
    """An outcome, by whom it is reported, and the waits before the retries of its delivery."""

    session: Session
    outcome: AttemptOutcome
    waits_ms: Sequence[int] | None = None

    @property
    def key(self) -> _Key:
        return self.outcome.delivery_id, self.session.id, self.outcome.attempt

    @property
    def waits(self) -> str | None:
        """Them as an array of PostgreSQL, none where it has succeeded."""
        return None if self.waits_ms is None or self.outcome.succeeded else f"{{{','.join(map(str, self.waits_ms))}}}"


async def open_session(connection: Connection, session: Session, node: str) -> None:
    await connection.execute(
        "INSERT INTO sessions (id, team_id, patterns, forward_to, epoch, node, opened_at_ms, name, origin,"
        " listener, away_since_ms, wire) SELECT $1, $2, $3, $4, $5::integer, $6, now.ms, $7, $8, $9,"
        " CASE WHEN $6::text IS NULL THEN now.ms END, $10 FROM (SELECT now_ms() AS ms) now",
        session.id,
        session.team_id,
        rows.patterns(session.filter),
        session.forward_to,
        session.epoch,
        node if session.epoch else None,
        session.name,
        session.origin,
        session.listener,
        session.wire,
    )


async def resume_session(connection: Connection, wanted: Session, node: str) -> Written[Session | None]:
    """Put the session into its next epoch, with the wanted filter and URL; wake whoever has it in an earlier one."""
    row = await connection.fetchrow(
        "UPDATE sessions SET epoch = epoch + 1, patterns = $3, forward_to = $4, node = $5, name = $6, origin = $7,"
        " listener = $8, wire = $9, away_since_ms = NULL"
        f" WHERE id = $1 AND team_id = $2 AND ended_at_ms IS NULL RETURNING {rows.SESSION}",
        wanted.id,
        wanted.team_id,
        rows.patterns(wanted.filter),
        wanted.forward_to,
        node,
        wanted.name,
        wanted.origin,
        wanted.listener,
        wanted.wire,
    )
    return Written(rows.session(row) if row else None, topics=[wanted.id] if row else ())


async def leave_session(connection: Connection, session: Session) -> Written[None]:
    await connection.execute(
        "UPDATE sessions SET node = NULL, away_since_ms = now_ms()"
        " WHERE id = $1 AND epoch = $2 AND ended_at_ms IS NULL AND node IS NOT NULL",
        session.id,
        session.epoch,
    )
    return Written(None)


async def end_session(
    connection: Connection, session: Session, reason: str, away_for_ms: int | None = None
) -> Written[bool]:
    """Close the session unless it has gone on in a later epoch; fail what it hasn't answered.

    With `away_for_ms`, it ends only if it has been away for that long.
    """
    await making.wait_for_appends(connection, session.team_id)
    ended = await connection.fetchval(
        "UPDATE sessions SET ended_at_ms = now_ms(), node = NULL"
        " WHERE id = $1 AND epoch = $2 AND ended_at_ms IS NULL"
        " AND ($3::bigint IS NULL OR away_since_ms <= now_ms() - $3) RETURNING TRUE",
        session.id,
        session.epoch,
        away_for_ms,
    )
    if not ended:
        return Written(False)
    unanswered = await connection.fetch(_UNANSWERED, session.id)
    await stop(connection, [seq for (seq,) in unanswered], "failed", reason, STOPPED)
    return Written(True, topics=[session.id, attempts_of(session.team_id)])


async def skip_some(connection: Connection, session: Session, without: Collection[str], most: int) -> Written[int]:
    """Cancel the first of what waits for the session; answer how many these were."""
    waiting = await connection.fetch(
        _WAITING,
        session.id,
        session.epoch,
        list(without),
        most,
    )
    if not waiting:
        return Written(0)
    await stop(connection, [seq for (seq,) in waiting], "canceled", SKIPPED, CANCELED)
    return Written(len(waiting), topics=[attempts_of(session.team_id)])


async def lost_sessions(connection: Connection, node: str, grace_ms: int) -> Sequence[Session]:
    """Return some of those that have been away for too long; those whose node is lost are away from now on."""
    await beat(connection, node)
    await connection.execute(
        "UPDATE sessions SET away_since_ms = now_ms() WHERE ended_at_ms IS NULL AND away_since_ms IS NULL"
        " AND node = ANY (ARRAY(SELECT id FROM nodes WHERE seen_at_ms < now_ms() - $1))",
        NODE_LOST_MS,
    )
    await connection.execute(
        "DELETE FROM nodes WHERE seen_at_ms < now_ms() - $1 AND NOT EXISTS"
        " (SELECT 1 FROM sessions WHERE node = nodes.id AND ended_at_ms IS NULL)",
        NODE_LOST_MS,
    )
    found = await connection.fetch(
        f"SELECT {rows.SESSION} FROM sessions WHERE ended_at_ms IS NULL AND away_since_ms <= (SELECT now_ms()) - $1"
        " ORDER BY away_since_ms LIMIT $2",
        grace_ms,
        ENDED_AT_ONCE,
    )
    return [rows.session(row) for row in found]


async def beat(connection: Connection, node: str) -> None:
    """Note that the node is alive; sessions that another one gave up for lost with it are here after all."""
    await connection.execute(
        "INSERT INTO nodes VALUES ($1, now_ms()) ON CONFLICT (id) DO UPDATE SET seen_at_ms = excluded.seen_at_ms", node
    )
    await connection.execute(
        "UPDATE sessions SET away_since_ms = NULL"
        " WHERE node = $1 AND ended_at_ms IS NULL AND away_since_ms IS NOT NULL",
        node,
    )


async def leave_all(connection: Connection, node: str) -> None:
    """Note that the node is no more: nobody is connected to it."""
    await connection.execute(
        "UPDATE sessions SET node = NULL, away_since_ms = now_ms() WHERE node = $1 AND ended_at_ms IS NULL", node
    )
    await connection.execute("DELETE FROM nodes WHERE id = $1", node)


async def settle(connection: Connection, reports: Sequence[Report]) -> Written[Sequence[Settled | Exception]]:
    """Record the attempts; answer the deliveries that are settled, by now or by an earlier report."""
    current = await _current(connection, [report.session for report in reports])
    valid = [report.outcomes if _key(report.session) in current else () for report in reports]
    given: dict[_Key, _Given] = {}
    for report, outcomes in zip(reports, valid, strict=True):
        for outcome in outcomes:
            one = _Given(report.session, outcome, report.waits_ms.get(outcome.delivery_id))
            given.setdefault(one.key, one)
    if not given:
        return Written([{} for _ in reports])
    settled, attempts = await _settle(connection, given)
    await record(connection, attempts)
    settled |= await _known(connection, [one for key, one in given.items() if key not in settled])
    return Written(
        [
            {key[0]: settled[key] for outcome in outcomes if (key := _Given(report.session, outcome).key) in settled}
            for report, outcomes in zip(reports, valid, strict=True)
        ],
        topics=sorted({attempts_of(one.session.team_id) for one in given.values()}),
    )


async def _settle(
    connection: Connection, given: Mapping[_Key, _Given]
) -> tuple[dict[_Key, Retry | None], Sequence[Recorded]]:
    """Settle what is pending of these; return them with their next attempts, and what is to be logged."""
    found = await connection.fetch(
        _SETTLE,
        [one.outcome.delivery_id for one in given.values()],
        [one.session.id for one in given.values()],
        [one.outcome.attempt for one in given.values()],
        [one.outcome.succeeded for one in given.values()],
        sparse([one.waits for one in given.values()]),
    )
    updated = {(id_, target, attempt): others for id_, target, attempt, *others in found}
    settled = {key: _retry(retry_at_ms, now_ms) for key, (_, retry_at_ms, now_ms) in updated.items()}
    attempts = [
        Recorded(updated[key][0], one.outcome, next_attempt_at_ms=updated[key][1])
        for key, one in given.items()
        if key in updated
    ]
    return settled, attempts


async def _known(connection: Connection, given: Sequence[_Given]) -> dict[_Key, Retry | None]:
    """Return those of these whose attempt has been recorded before."""
    if not given:
        return {}
    found = await connection.fetch(
        "SELECT id, target, attempt_count, next_attempt_at_ms, now_ms() FROM deliveries WHERE id = ANY ($1::text[])",
        [one.outcome.delivery_id for one in given],
    )
    states = {(id_, target): others for id_, target, *others in found}
    known: dict[_Key, Retry | None] = {}
    for one in given:
        count, retry_at_ms, now_ms = states.get(one.key[:2], (0, None, 0))
        if count >= one.outcome.attempt:
            known[one.key] = _retry(retry_at_ms, now_ms)
    return known


def _retry(at_ms: int | None, now_ms: int) -> Retry | None:
    return None if at_ms is None else Retry.at(at_ms, now_ms)


async def _current(connection: Connection, sessions: Sequence[Session]) -> Collection[tuple[str, int]]:
    """Return the ids and epochs of those that are open in just that epoch."""
    found = await connection.fetch(
        "SELECT id, epoch FROM sessions JOIN unnest($1::text[], $2::integer[]) AS given (id, epoch) USING (id, epoch)"
        " WHERE ended_at_ms IS NULL",
        [session.id for session in sessions],
        [session.epoch for session in sessions],
    )
    return {(id_, epoch) for id_, epoch in found}


def _key(session: Session) -> tuple[str, int]:
    return session.id, session.epoch
