"""API keys, what they may still ask, and answers to ask for again."""

from collections.abc import Sequence

from cstar_cli.cloud.store.accounts import Allowance, ApiKey, Begun, StoredAnswer
from cstar_cli.cloud.store.postgres import rows
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.postgres.database import Database
from cstar_cli.cloud.store.postgres.upkeep import ANSWERS_KEPT_MS
from cstar_cli.cloud.store.queries import Page

_ALLOW = """
INSERT INTO request_windows AS known (key_id, began_at_ms, used, granted)
SELECT $1, ms - ms % $2::bigint, least($3::integer, $4::integer), least($3::integer, $4::integer)
FROM (SELECT now_ms() AS ms) now
ON CONFLICT (key_id) DO UPDATE SET
    began_at_ms = excluded.began_at_ms,
    (used, granted) = (
        SELECT sofar.used + more.granted, more.granted
        FROM (SELECT CASE WHEN known.began_at_ms = excluded.began_at_ms THEN known.used ELSE 0 END AS used) sofar
        CROSS JOIN LATERAL (SELECT greatest(0, least($4, $3 - sofar.used)) AS granted) more
    )
RETURNING granted, used, began_at_ms + $2 - now_ms()
"""
# Takes a request that is new, whose answer has been kept for long enough, or whose doer is dead.
_BEGIN = """
INSERT INTO idempotent_requests AS known (team_id, key, fingerprint, seed, began_at_ms, taken_at_ms)
SELECT $1, $2, $3, $4, ms, ms FROM (SELECT now_ms() AS ms) now
ON CONFLICT (team_id, key) DO UPDATE SET
    (fingerprint, seed, began_at_ms, taken_at_ms, status, body) = (
        SELECT excluded.fingerprint, excluded.seed, excluded.began_at_ms, excluded.taken_at_ms, NULL::integer,
            NULL::bytea WHERE known.began_at_ms <= excluded.began_at_ms - $6
        UNION ALL
        SELECT known.fingerprint, known.seed, known.began_at_ms, excluded.taken_at_ms, NULL, NULL
            WHERE known.began_at_ms > excluded.began_at_ms - $6
    )
WHERE known.began_at_ms <= excluded.began_at_ms - $6
    OR known.status IS NULL AND known.fingerprint = $3 AND known.taken_at_ms <= excluded.taken_at_ms - $5
RETURNING seed
"""


class PostgresAccounts:
    """The interface `Accounts` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_key(self, key: ApiKey) -> ApiKey:
        return await self._database.ask(_create_key, key)

    async def keys(self, team_id: str, page: Page) -> Sequence[ApiKey]:
        return await self._database.ask(_keys, team_id, page)

    async def find_key(self, hash: str) -> ApiKey | None:
        return await self._database.ask(_find_key, hash)

    async def revoke_key(self, team_id: str, key_id: str) -> bool:
        return await self._database.ask(_revoke_key, team_id, key_id)

    async def allow(self, key_id: str, window_ms: int, limit: int, wanted: int) -> Allowance:
        return await self._database.ask(_allow, key_id, window_ms, limit, wanted)

    async def begin(self, team_id: str, key: str, fingerprint: str, seed: str, patience_ms: int) -> Begun:
        return await self._database.ask(_begin, team_id, key, fingerprint, seed, patience_ms)

    async def finish(self, team_id: str, key: str, answer: StoredAnswer) -> None:
        await self._database.ask(_finish, team_id, key, answer)

    async def abandon(self, team_id: str, key: str) -> None:
        await self._database.ask(_abandon, team_id, key)


async def _create_key(connection: Connection, key: ApiKey) -> ApiKey:
    await connection.execute(
        f"INSERT INTO api_keys ({rows.API_KEY}) VALUES ($1, $2, $3, $4, $5, $6, $7, NULL) ON CONFLICT (id) DO NOTHING",
        key.id,
        key.team_id,
        key.name,
        key.hash,
        key.hint,
        key.read_only,
        key.created_at_ms,
    )
    row = await connection.fetchrow(f"SELECT {rows.API_KEY} FROM api_keys WHERE id = $1", key.id)
    return rows.api_key(row) if row else key


async def _keys(connection: Connection, team_id: str, page: Page) -> Sequence[ApiKey]:
    found = await connection.fetch(
        f"SELECT {rows.API_KEY} FROM api_keys WHERE team_id = $1 AND revoked_at_ms IS NULL"
        " ORDER BY seq DESC LIMIT $2 OFFSET $3",
        team_id,
        page.size + 1,
        page.offset,
    )
    return [rows.api_key(row) for row in found]


async def _find_key(connection: Connection, hash: str) -> ApiKey | None:
    row = await connection.fetchrow(
        f"SELECT {rows.API_KEY} FROM api_keys WHERE hash = $1 AND revoked_at_ms IS NULL", hash
    )
    return rows.api_key(row) if row else None


async def _revoke_key(connection: Connection, team_id: str, key_id: str) -> bool:
    revoked = await connection.fetchval(
        "UPDATE api_keys SET revoked_at_ms = now_ms() WHERE id = $1 AND team_id = $2 AND revoked_at_ms IS NULL"
        " RETURNING TRUE",
        key_id,
        team_id,
    )
    return revoked is not None


async def _allow(connection: Connection, key_id: str, window_ms: int, limit: int, wanted: int) -> Allowance:
    row = await connection.fetchrow(_ALLOW, key_id, window_ms, limit, wanted)
    assert row
    return Allowance(*row)


async def _begin(
    connection: Connection, team_id: str, key: str, fingerprint: str, seed: str, patience_ms: int
) -> Begun:
    while True:
        mine = await connection.fetchrow(_BEGIN, team_id, key, fingerprint, seed, patience_ms, ANSWERS_KEPT_MS)
        if mine:
            return Begun(mine=True, same=True, seed=mine[0], answer=None)
        known = await connection.fetchrow(
            "SELECT fingerprint, seed, status, body FROM idempotent_requests WHERE team_id = $1 AND key = $2",
            team_id,
            key,
        )
        if known:
            first_fingerprint, first_seed, status, body = known
            answer = None if status is None else StoredAnswer(status, body)
            return Begun(mine=False, same=first_fingerprint == fingerprint, seed=first_seed, answer=answer)


async def _finish(connection: Connection, team_id: str, key: str, answer: StoredAnswer) -> None:
    await connection.execute(
        "UPDATE idempotent_requests SET status = $3, body = $4 WHERE team_id = $1 AND key = $2 AND status IS NULL",
        team_id,
        key,
        answer.status,
        answer.body,
    )


async def _abandon(connection: Connection, team_id: str, key: str) -> None:
    await connection.execute(
        "UPDATE idempotent_requests SET taken_at_ms = 0 WHERE team_id = $1 AND key = $2 AND status IS NULL",
        team_id,
        key,
    )
