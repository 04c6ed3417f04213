"""Several nodes of one database, in one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from cstar_cli.cloud.store.postgres.driver import PostgresStore

NO_POLL_S = 3600.0  # longer than any test: what is found, somebody has told of


@asynccontextmanager
async def node(url: str, poll_s: float = NO_POLL_S) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(url, poll_s)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def database(url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """A connection of the test's own."""
    connection = await asyncpg.connect(url, server_settings={"search_path": "cstar"})
    try:
        yield connection
    finally:
        await connection.close()


async def cut_all(url: str) -> None:
    """Cut every connection that the nodes have to the database."""
    async with database(url) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
