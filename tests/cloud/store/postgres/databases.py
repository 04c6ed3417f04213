"""Databases on the tests' server, one a test."""

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

import asyncpg

from cstar_cli.cloud.store.postgres import migrating

from ....postgres import shared_postgres
from ..making import T0_MS, Clock

# The one place that the driver asks for the time: there a test puts its own.
_CLOCK = f"""
CREATE TABLE cstar.clock (now_ms bigint NOT NULL);
INSERT INTO cstar.clock VALUES ({T0_MS});
CREATE OR REPLACE FUNCTION cstar.now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT now_ms FROM cstar.clock';
"""
# Whatever a test does, `undelivered` has what hasn't succeeded, and nothing else.
AMISS = """
WITH wanted AS (
    SELECT seq, team_id, target, status, created_at_ms, attempt_count, next_attempt_at_ms
    FROM cstar.deliveries WHERE status <> 'succeeded'
)
(TABLE wanted EXCEPT TABLE cstar.undelivered) UNION ALL (TABLE cstar.undelivered EXCEPT TABLE wanted)
"""
_TABLES = [
    "events",
    "event_types",
    "sessions",
    "nodes",
    "webhooks",
    "deliveries",
    "queue",
    "attempts",
    "api_keys",
    "request_windows",
    "idempotent_requests",
    "announcements",
]


def fresh_database() -> str:
    """The URL of a migrated database."""
    server = shared_postgres()
    return server.url(server.create_database(server.template))


async def database_before(migration: str) -> str:
    """The URL of a database as the migrations before that one leave it."""
    server = shared_postgres()
    url = server.url(server.create_database())
    scripts = sorted((resources.files(migrating.__package__) / "migrations").iterdir(), key=lambda script: script.name)
    connection = await asyncpg.connect(url, server_settings={"search_path": "cstar"})
    await connection.execute(
        "CREATE SCHEMA cstar;"
        "CREATE TABLE migrations (number integer PRIMARY KEY, name text NOT NULL, applied_at_ms bigint NOT NULL)"
    )
    for number, script in enumerate((script for script in scripts if script.name < migration), 1):
        await connection.execute(script.read_text("utf-8"))
        await connection.execute("INSERT INTO migrations VALUES ($1, $2, 0)", number, script.name.removesuffix(".sql"))
    await connection.close()
    return url


@asynccontextmanager
async def postgres_going_by(clock: Clock, folder: Path) -> AsyncIterator[str]:
    """The URL of the folder's database, whose time is that of the clock."""
    url = _database_of(folder)
    connection = await asyncpg.connect(url)

    async def follow(now_ms: int) -> None:
        await connection.execute("UPDATE cstar.clock SET now_ms = $1", now_ms)

    try:
        await follow(clock.now_ms)
        clock.followers.append(follow)
        yield url
        assert await connection.fetch(AMISS) == []
    finally:
        clock.followers.remove(follow)
        await connection.close()


@functools.cache
def _database_of(_folder: Path) -> str:
    """The one database of all these tests, empty for each: that takes a tenth of what a fresh one does."""
    server, name = shared_postgres(), _database_with_clock()
    server.execute("".join(f"DELETE FROM cstar.{table};" for table in _TABLES), name)
    return server.url(name)


@functools.cache
def _database_with_clock() -> str:
    server = shared_postgres()
    name = server.create_database(server.template)
    server.execute(_CLOCK, name)
    return name
