"""Who follows the log misses nothing, however the transactions of its writers overlap."""

import asyncio

import asyncpg

from cstar_cli.cloud.store.postgres.driver import PostgresStore
from cstar_cli.cloud.store.queries import AttemptQuery
from cstar_cli.cloud.store.records import Attempt
from cstar_cli.cloud.store.wakeups import attempts_of

from ..making import TEAM, event, outcome, session
from .conftest import Run
from .nodes import database, node

WRITERS = 5
EVENTS = 600
_ATTEMPT = """
INSERT INTO attempts (
    team_id, delivery_id, event_seq, event_id, event_type, target, url, number, recorded_at_ms, started_at_ms,
    duration_ms, outcome, request_headers, response_headers, response_body
) VALUES ($1, $2, 1, 'evt_1', 'ticket.created', 'ses_1', 'http://x/', 1, now_ms(), 0, 0, 'failed', '[]', '[]', '')
"""


async def log(connection: "asyncpg.Connection[asyncpg.Record]", delivery_id: str) -> None:
    await connection.execute(_ATTEMPT, TEAM, delivery_id)


async def seen(store: PostgresStore, after: str = "0", limit: int = 10_000) -> tuple[list[str], str]:
    attempts, cursor = await store.attempts_after(TEAM, AttemptQuery(), after, limit)
    return [attempt.delivery_id for attempt in attempts], cursor


def test_what_is_committed_behind_an_open_transaction_comes_after_that(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as store, database(url) as slow, database(url) as quick:
            await log(quick, "dlv_before")
            transaction = slow.transaction()
            await transaction.start()
            await log(slow, "dlv_slow")
            await log(quick, "dlv_quick")
            found, cursor = await seen(store)
            assert found == ["dlv_before"]
            await transaction.commit()
            assert (await seen(store, cursor))[0] == ["dlv_slow", "dlv_quick"]

    run(check)


def test_who_saw_nothing_yet_of_what_is_committed_is_woken_again(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as store, database(url) as slow, database(url) as quick:
            transaction = slow.transaction()
            await transaction.start()
            await slow.execute("INSERT INTO event_types VALUES ('team-2', 'ticket.created')")
            await log(quick, "dlv_quick")
            wake = store.wakeups.join(attempts_of(TEAM))
            wake.clear()
            assert (await seen(store))[0] == []
            await transaction.commit()
            await wake.wait()
            assert (await seen(store))[0] == ["dlv_quick"]

    run(check)


def test_a_time_finds_all_of_its_attempts_though_the_earliest_is_of_a_later_transaction(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as store, database(url) as slow, database(url) as quick:
            transaction = slow.transaction()
            await transaction.start()
            await slow.fetchval("SELECT pg_current_xact_id()")
            await log(quick, "dlv_quick")
            since_ms = await quick.fetchval("SELECT recorded_at_ms FROM attempts")
            await log(slow, "dlv_slow")
            await transaction.commit()
            cursor = await store.cursor_before(TEAM, since_ms)
            assert (await seen(store, cursor))[0] == ["dlv_slow", "dlv_quick"]

    run(check)


def test_a_tail_of_many_writers_on_several_nodes_misses_nothing(url: str, run: Run) -> None:
    async def follow(store: PostgresStore, expected: int) -> list[Attempt]:
        wake = store.wakeups.join(attempts_of(TEAM))
        found: list[Attempt] = []
        cursor = "0"
        while len(found) < expected:
            await wake.wait()
            wake.clear()
            while True:
                attempts, cursor = await store.attempts_after(TEAM, AttemptQuery(), cursor, 100)
                found += attempts
                if len(attempts) < 100:
                    break
        return found

    async def write(store: PostgresStore) -> None:
        to = await session(store, "ticket.created")
        for _ in range(EVENTS // 20):
            made = await asyncio.gather(*(store.append_event(event()) for _ in range(20)))
            mine = [one for deliveries in made for one in deliveries if one.target == to.id]
            await asyncio.gather(*(store.settle(to, [outcome(one)]) for one in mine))

    async def check() -> None:
        async with node(url) as first, node(url) as second, node(url, poll_s=1.0) as tail, database(url) as connection:
            following = asyncio.create_task(follow(tail, WRITERS * EVENTS))
            await asyncio.gather(*(write([first, second][number % 2]) for number in range(WRITERS)))
            found = [attempt.delivery_id for attempt in await following]
            expected = {id_ for (id_,) in await connection.fetch("SELECT delivery_id FROM attempts")}
            assert len(found) == len(set(found)) == WRITERS * EVENTS
            assert set(found) == expected

    run(check)


def test_in_a_server_it_was_moved_to_the_log_goes_on_after_what_it_had(url: str, run: Run) -> None:
    async def check() -> None:
        async with database(url) as connection:
            for number in range(3):
                await log(connection, f"dlv_old_{number}")
            # As a restored copy has it: of transactions that this server hasn't come to yet.
            await connection.execute("UPDATE attempts SET xid = (1000000000 + seq)::text::xid8")
        async with node(url) as store:
            old = [f"dlv_old_{number}" for number in range(3)]
            found, cursor = await seen(store)
            assert found == old
            async with database(url) as connection:
                await log(connection, "dlv_new")
            assert (await seen(store, cursor))[0] == ["dlv_new"]
            assert (await seen(store))[0] == [*old, "dlv_new"]

    run(check)
