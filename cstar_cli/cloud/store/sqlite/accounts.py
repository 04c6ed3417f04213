"""API keys, what they may still ask, and answers to ask for again."""

import sqlite3
from collections.abc import Callable, Sequence

from cstar_cli.cloud.store.accounts import Allowance, ApiKey, Begun, StoredAnswer
from cstar_cli.cloud.store.queries import Page
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.readers import Readers
from cstar_cli.cloud.store.sqlite.upkeep import ANSWERS_KEPT_MS, forget_answers
from cstar_cli.cloud.store.sqlite.writer import Writer, Written

FORGOTTEN_FOR_EACH = 2  # that is noted: so there are never more than a day has brought


class SqliteAccounts:
    """The interface `Accounts` over the file."""

    def __init__(self, writer: Writer, readers: Readers, now_ms: Callable[[], int]) -> None:
        self._writer = writer
        self._readers = readers
        self._now_ms = now_ms

    async def create_key(self, key: ApiKey) -> ApiKey:
        return await self._writer.run(lambda connection: _create_key(connection, key))

    async def keys(self, team_id: str, page: Page) -> Sequence[ApiKey]:
        return await self._readers.ask(_keys, team_id, page)

    async def find_key(self, hash: str) -> ApiKey | None:
        return await self._readers.ask(_find_key, hash)

    async def revoke_key(self, team_id: str, key_id: str) -> bool:
        return await self._writer.run(lambda connection: _revoke_key(connection, team_id, key_id, self._now_ms()))

    async def allow(self, key_id: str, window_ms: int, limit: int, wanted: int) -> Allowance:
        return await self._writer.run(
            lambda connection: _allow(connection, key_id, window_ms, limit, wanted, self._now_ms())
        )

    async def begin(self, team_id: str, key: str, fingerprint: str, seed: str, patience_ms: int) -> Begun:
        return await self._writer.run(
            lambda connection: _begin(connection, team_id, key, fingerprint, seed, patience_ms, self._now_ms())
        )

    async def finish(self, team_id: str, key: str, answer: StoredAnswer) -> None:
        await self._writer.run(lambda connection: _finish(connection, team_id, key, answer))

    async def abandon(self, team_id: str, key: str) -> None:
        await self._writer.run(lambda connection: _abandon(connection, team_id, key))


def _create_key(connection: sqlite3.Connection, key: ApiKey) -> Written[ApiKey]:
    connection.execute(
        f"INSERT INTO api_keys ({rows.API_KEY}) VALUES (?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (id) DO NOTHING",
        (key.id, key.team_id, key.name, key.hash, key.hint, key.read_only, key.created_at_ms),
    )
    stored = connection.execute(f"SELECT {rows.API_KEY} FROM api_keys WHERE id = ?", (key.id,)).fetchone()
    return Written(rows.api_key(stored))


def _keys(connection: sqlite3.Connection, team_id: str, page: Page) -> Sequence[ApiKey]:
    found = connection.execute(
        f"SELECT {rows.API_KEY} FROM api_keys WHERE team_id = ? AND revoked_at_ms IS NULL"
        " ORDER BY seq DESC LIMIT ? OFFSET ?",
        (team_id, page.size + 1, page.offset),
    )
    return [rows.api_key(row) for row in found]


def _find_key(connection: sqlite3.Connection, hash: str) -> ApiKey | None:
    row = connection.execute(
        f"SELECT {rows.API_KEY} FROM api_keys WHERE hash = ? AND revoked_at_ms IS NULL", (hash,)
    ).fetchone()
    return rows.api_key(row) if row else None


def _revoke_key(connection: sqlite3.Connection, team_id: str, key_id: str, now_ms: int) -> Written[bool]:
    revoked = connection.execute(
        "UPDATE api_keys SET revoked_at_ms = ? WHERE id = ? AND team_id = ? AND revoked_at_ms IS NULL",
        (now_ms, key_id, team_id),
    ).rowcount
    return Written(revoked > 0)


def _allow(
    connection: sqlite3.Connection, key_id: str, window_ms: int, limit: int, wanted: int, now_ms: int
) -> Written[Allowance]:
    began_at_ms = now_ms - now_ms % window_ms
    row = connection.execute(
        "SELECT used FROM request_windows WHERE key_id = ? AND began_at_ms = ?", (key_id, began_at_ms)
    ).fetchone()
    used = row[0] if row else 0
    granted = max(0, min(wanted, limit - used))
    if granted:
        connection.execute(
            "INSERT INTO request_windows VALUES (?, ?, ?)"
            " ON CONFLICT (key_id) DO UPDATE SET began_at_ms = excluded.began_at_ms, used = excluded.used",
            (key_id, began_at_ms, used + granted),
        )
    return Written(Allowance(granted, used + granted, began_at_ms + window_ms - now_ms))


def _begin(
    connection: sqlite3.Connection,
    team_id: str,
    key: str,
    fingerprint: str,
    seed: str,
    patience_ms: int,
    now_ms: int,
) -> Written[Begun]:
    row = connection.execute(
        "SELECT seq, fingerprint, seed, taken_at_ms, status, body FROM idempotent_requests"
        " WHERE team_id = ? AND key = ? AND began_at_ms > ?",
        (team_id, key, now_ms - ANSWERS_KEPT_MS),
    ).fetchone()
    if not row:
        forget_answers(connection, FORGOTTEN_FOR_EACH, now_ms)
        connection.execute(
            "INSERT OR REPLACE INTO idempotent_requests (team_id, key, fingerprint, seed, began_at_ms, taken_at_ms)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (team_id, key, fingerprint, seed, now_ms, now_ms),
        )
        return Written(Begun(mine=True, same=True, seed=seed, answer=None))
    seq, first_fingerprint, first_seed, taken_at_ms, status, body = row
    same = first_fingerprint == fingerprint
    if status is not None:
        return Written(Begun(mine=False, same=same, seed=first_seed, answer=StoredAnswer(status, body)))
    mine = same and now_ms - taken_at_ms >= patience_ms
    if mine:
        connection.execute("UPDATE idempotent_requests SET taken_at_ms = ? WHERE seq = ?", (now_ms, seq))
    return Written(Begun(mine=mine, same=same, seed=first_seed, answer=None))


def _finish(connection: sqlite3.Connection, team_id: str, key: str, answer: StoredAnswer) -> Written[None]:
    connection.execute(
        "UPDATE idempotent_requests SET status = ?, body = ? WHERE team_id = ? AND key = ? AND status IS NULL",
        (answer.status, answer.body, team_id, key),
    )
    return Written(None)


def _abandon(connection: sqlite3.Connection, team_id: str, key: str) -> Written[None]:
    connection.execute(
        "UPDATE idempotent_requests SET taken_at_ms = 0 WHERE team_id = ? AND key = ? AND status IS NULL",
        (team_id, key),
    )
    return Written(None)
