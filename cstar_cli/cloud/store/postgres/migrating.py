"""The schema, and migrations in their order, once however many nodes start together."""

from pathlib import Path

import asyncpg

from cstar_cli.cloud.store.open import shown
from cstar_cli.cloud.store.postgres.connection import SCHEMA, Connector, StoreConnection, faults_named
from cstar_cli.cloud.store.postgres.database import in_transaction
from cstar_cli.errors import CstarError

OLDEST_SERVER = 13  # the first with xid8 and pg_snapshot_xmin
MIGRATING_S = 3600.0
_LOCK = int.from_bytes(b"cstr")


async def migrate(url: str) -> list[str]:
    """Apply the migrations that the database hasn't had; return their names. Raises CstarError.

    Nodes of the version before are at work: they and a migration lock the same tables, in other orders.
    """
    connection = await Connector(url).connect(lock_timeout="0", statement_timeout="0")
    try:
        if connection.get_server_version().major < OLDEST_SERVER:
            raise CstarError(f"{shown(url)} is too old: cstar needs PostgreSQL {OLDEST_SERVER} or newer.")
        with faults_named(url):
            return await in_transaction(connection, lambda _: _migrate(connection, url))
    finally:
        connection.terminate()


async def _migrate(connection: StoreConnection, url: str) -> list[str]:
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK, timeout=MIGRATING_S)
    applied = await _applied(connection, url)
    scripts = sorted(Path(__file__).with_name("migrations").glob("*.sql"))
    if applied > len(scripts):
        raise CstarError(f"{shown(url)} was made by a newer cstar: upgrade this one, or choose another --database.")
    for number, script in enumerate(scripts[applied:], applied + 1):
        await connection.execute(script.read_text("utf-8"), timeout=MIGRATING_S)
        await connection.execute("INSERT INTO migrations VALUES ($1, $2, now_ms())", number, script.stem)
    await _begin_the_log_anew_after_a_move(connection)
    return [script.stem for script in scripts[applied:]]


async def _applied(connection: StoreConnection, url: str) -> int:
    """Return how many migrations the database has had; make the place to note them."""
    table = await connection.fetchval("SELECT to_regclass($1)::text", f"{SCHEMA}.migrations")
    if table is None:
        if await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = $1", SCHEMA):
            raise CstarError(
                f"{shown(url)} has a schema {SCHEMA!r} that isn't ours: give the URL of a database that cstar may use."
            )
        try:
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        except asyncpg.InsufficientPrivilegeError as error:
            raise CstarError(
                f"Can't make the schema {SCHEMA!r} in {shown(url)}: {error}. Let its user own the database."
            ) from error
        await connection.execute(
            "CREATE TABLE migrations (number integer PRIMARY KEY, name text NOT NULL, applied_at_ms bigint NOT NULL)"
        )
    return int(await connection.fetchval("SELECT count(*) FROM migrations"))


async def _begin_the_log_anew_after_a_move(connection: StoreConnection) -> None:
    """In a server that it was restored into, transactions count from lower numbers: let what is old come first."""
    await connection.execute(
        "UPDATE attempts SET xid = '1' WHERE xid > '1' AND"
        " (SELECT xid FROM attempts ORDER BY seq DESC LIMIT 1) >= pg_snapshot_xmax(pg_current_snapshot())",
        timeout=MIGRATING_S,
    )
