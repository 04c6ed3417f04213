"""What hasn't succeeded has a table of its own, so that an outcome touches no index of `deliveries`."""

from cstar_cli.cloud.store.postgres import migrating
from cstar_cli.cloud.store.postgres.connection import Connector, StoreConnection

from .conftest import Run
from .databases import AMISS, database_before
from .nodes import database

CHANGED_BY_AN_OUTCOME = ["status", "attempt_count", "next_attempt_at_ms", "first_attempt"]
MAKE = """
INSERT INTO deliveries (id, team_id, event_seq, event_id, event_type, target, url, status, attempt_count, created_at_ms)
SELECT 'dlv_' || n, 'team-1', n, 'evt_' || n, 'ticket.created', 'whk_1', 'http://w/', status, 0, n
FROM generate_series($1::integer, $2::integer) n, unnest($3::text[]) WITH ORDINALITY AS s (status, place)
WHERE n % cardinality($3::text[]) = place - 1
"""
STATUSES = ["pending", "failed", "canceled", "succeeded"]
SETTLE = "UPDATE deliveries SET status = $2, attempt_count = attempt_count + 1 WHERE id = ANY ($1::text[])"
ROWS_READ = """
SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
FROM pg_stat_xact_user_tables WHERE relname = 'undelivered'
"""


def test_no_index_of_deliveries_has_what_an_outcome_changes(url: str, run: Run) -> None:
    async def check() -> None:
        async with database(url) as connection:
            found = await connection.fetch(
                "SELECT indexrelid::regclass::text, attname::text FROM pg_index"
                " JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = indexrelid AND refobjid = indrelid"
                " JOIN pg_attribute ON attrelid = indrelid AND attnum = refobjsubid"
                " WHERE indrelid = 'deliveries'::regclass"
            )
        assert {"team_id", "target", "url"} <= {column for _, column in found}  # of expressions as well
        assert [row for row in found if row[1] in CHANGED_BY_AN_OUTCOME] == []

    run(check)


def test_a_database_of_the_version_before_is_taken_over(run: Run) -> None:
    async def check() -> None:
        url = await database_before("0004")
        async with database(url) as old_node:
            await old_node.execute(MAKE, 1, 100, STATUSES)
            assert "0004_undelivered" in await migrating.migrate(url)
            assert await old_node.fetchval("SELECT count(*) FROM undelivered") == 75
            assert await old_node.fetch(AMISS) == []

            await old_node.execute(MAKE, 101, 200, STATUSES)
            for number, status in enumerate(STATUSES):
                await old_node.execute(SETTLE, [f"dlv_{1 + n}" for n in range(number, 200, 3)], status)
            await old_node.execute("DELETE FROM deliveries WHERE event_seq % 7 = 0")
            assert await old_node.fetchval("SELECT count(*) FROM undelivered") > 0
            assert await old_node.fetch(AMISS) == []

    run(check)


def test_what_was_planned_for_an_empty_table_serves_a_full_one(url: str, run: Run) -> None:
    async def check() -> None:
        node = await Connector(url).connect()
        try:
            await node.execute("VACUUM ANALYZE deliveries")
            await node.execute("VACUUM ANALYZE undelivered")
            await settle_one(node)
            await node.execute(MAKE, 101, 20_000, ["pending"])
            assert await settle_one(node) <= 5
        finally:
            node.terminate()

    run(check)


async def settle_one(connection: StoreConnection) -> int:
    """Make, fail, settle and remove one; return how many rows of `undelivered` this has read."""
    async with connection.transaction():
        before = int(await connection.fetchval(ROWS_READ))
        await connection.execute(MAKE, 1, 1, ["pending"])
        await connection.execute(SETTLE, ["dlv_1"], "failed")
        await connection.execute(SETTLE, ["dlv_1"], "succeeded")
        await connection.execute("DELETE FROM deliveries WHERE id = 'dlv_1'")
        return int(await connection.fetchval(ROWS_READ)) - before
