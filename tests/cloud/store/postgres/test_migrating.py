"""The schema: made once, however many nodes start together."""

import asyncio
from importlib import resources

import pytest

from cstar_cli.cloud.store.postgres import migrating
from cstar_cli.cloud.store.postgres.driver import PostgresStore
from cstar_cli.errors import CstarError

from ....postgres import shared_postgres
from ..making import event
from .conftest import Run
from .databases import database_before
from .nodes import database, node

NAMES = sorted(
    entry.name.removesuffix(".sql")
    for entry in (resources.files(migrating.__package__) / "migrations").iterdir()
    if entry.name.endswith(".sql")
)

WAITED_FOR = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE relation = 'events'::regclass AND NOT granted)"


@pytest.fixture
def empty() -> str:
    """A database without a schema."""
    server = shared_postgres()
    return server.url(server.create_database())


def test_what_was_applied_is_named_once(empty: str, run: Run) -> None:
    async def check() -> None:
        assert await migrating.migrate(empty) == NAMES
        assert await migrating.migrate(empty) == []

    run(check)


def test_nodes_that_start_together_make_one_schema(empty: str, run: Run) -> None:
    async def check() -> None:
        stores = await asyncio.gather(*(PostgresStore.open(empty, 1.0) for _ in range(5)))
        try:
            made = event()
            await stores[0].append_event(made)
            for store in stores:
                assert await store.event(made.team_id, made.id)
        finally:
            for store in stores:
                await store.close()

    run(check)


def test_a_migration_that_gets_in_the_way_of_a_node_is_begun_anew(run: Run) -> None:
    async def check() -> None:
        url = await database_before("0002")
        async with database(url) as node_of_before, database(url) as onlooker:
            async with node_of_before.transaction():  # as it stores an event
                await node_of_before.execute("LOCK TABLE events IN ROW EXCLUSIVE MODE")
                migration = asyncio.create_task(migrating.migrate(url))
                while not await onlooker.fetchval(WAITED_FOR):
                    await onlooker.execute("SELECT pg_sleep(0.01)")
                await node_of_before.execute("SELECT FROM sessions")
            assert await migration == NAMES[1:]

    run(check)


def test_a_database_of_a_newer_version_is_refused(url: str, run: Run) -> None:
    async def check() -> None:
        async with database(url) as connection:
            await connection.execute("INSERT INTO migrations VALUES (1000, '1000_later', 0)")
        with pytest.raises(CstarError, match="was made by a newer cstar"):
            await PostgresStore.open(url, 1.0)

    run(check)


def test_a_schema_of_another_program_is_left_alone(empty: str, run: Run) -> None:
    async def check() -> None:
        async with database(empty) as connection:
            await connection.execute("CREATE SCHEMA cstar; CREATE TABLE cstar.events (id integer)")
        with pytest.raises(CstarError, match="isn't ours"):
            await PostgresStore.open(empty, 1.0)

    run(check)


def test_what_else_is_in_the_database_is_no_matter(empty: str, run: Run) -> None:
    async def check() -> None:
        async with database(empty) as connection:
            await connection.execute("CREATE TABLE public.events (id integer)")
        async with node(empty) as store:
            await store.append_event(event())

    run(check)


def test_a_user_who_may_not_make_the_schema_is_told_so(empty: str, run: Run) -> None:
    async def check() -> None:
        async with database(empty) as connection:
            await connection.execute(
                "DO $$ BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            )
        with pytest.raises(CstarError, match="Let its user own the database"):
            await migrating.migrate(empty.replace("cstar@", "guest@"))

    run(check)


def test_a_database_that_can_only_be_read_is_refused(empty: str, run: Run) -> None:
    async def check() -> None:
        name = empty.rsplit("/", 1)[1]
        async with database(empty) as connection:
            await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        with pytest.raises(CstarError, match="read-only"):
            await migrating.migrate(empty)

    run(check)
