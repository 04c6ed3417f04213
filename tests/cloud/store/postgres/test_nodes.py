"""Sessions move between nodes, and outlive a node for their grace."""

import asyncio
from pathlib import Path

import pytest

from cstar_cli.cloud.store.interface import SessionMoved
from cstar_cli.cloud.store.postgres.driver import PostgresStore
from cstar_cli.cloud.store.postgres.sessions import NODE_LOST_MS
from cstar_cli.cloud.store.records import Traits
from cstar_cli.cloud.store.wakeups import ANNOUNCEMENTS

from ..making import EVERYTHING, TEAM, URL, Clock, delivered, due_ids, due_to, event, now, outcome, session
from .conftest import Run
from .databases import postgres_going_by
from .nodes import database, node

GRACE_MS = 120_000


async def sweep(store: PostgresStore) -> int:
    return await store.end_lost_sessions(GRACE_MS, "the listener stayed away")


def test_a_session_that_goes_on_at_another_node_is_told_to_the_one_it_left(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as here, node(url) as there:
            left = await session(here)
            delivery = await delivered(here)
            wake = here.wakeups.join(left.id)
            wake.clear()
            resumed = await there.resume_session(left.id, TEAM, EVERYTHING, URL)
            assert resumed
            await wake.wait()
            with pytest.raises(SessionMoved):
                await due_to(here, left, (), 10, 2**20)
            assert list(await here.settle(left, [outcome(delivery)])) == []
            assert await due_ids(there, resumed) == [delivery.id]

    run(check)


def test_a_session_that_has_moved_is_found_by_the_poll_of_the_node_it_left(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url, poll_s=0.05) as here, database(url) as connection:
            left = await session(here)
            wake = here.wakeups.join(left.id)
            wake.clear()
            await connection.execute("UPDATE sessions SET epoch = epoch + 1, node = 'another'")
            await wake.wait()
            with pytest.raises(SessionMoved):
                await due_to(here, left, (), 10, 2**20)

    run(check)


def test_the_sessions_of_a_node_that_closes_are_away_from_then_on(tmp_path: Path, clock: Clock, run: Run) -> None:
    async def check() -> None:
        async with postgres_going_by(clock, tmp_path) as url, node(url) as here:
            async with node(url) as leaving:
                left = await session(leaving)
            await clock.advance(GRACE_MS - 1)
            assert await sweep(here) == 0
            await clock.advance(1)
            assert await sweep(here) == 1
            assert await here.resume_session(left.id, TEAM, EVERYTHING, URL) is None

    run(check)


def test_the_sessions_of_a_node_that_died_end_after_their_grace(tmp_path: Path, clock: Clock, run: Run) -> None:
    async def check() -> None:
        async with postgres_going_by(clock, tmp_path) as url, node(url) as here:
            await died_with_a_session(url)
            delivery = await delivered(here)
            await clock.advance(NODE_LOST_MS)
            assert await sweep(here) == 0
            await clock.advance(GRACE_MS)
            assert await sweep(here) == 0  # from now on it counts as away
            await clock.advance(GRACE_MS)
            assert await sweep(here) == 1
            assert (await now(here, delivery)).status == "failed"

    run(check)


def test_a_session_of_a_node_that_died_goes_on_at_another_within_its_grace(
    tmp_path: Path, clock: Clock, run: Run
) -> None:
    async def check() -> None:
        async with postgres_going_by(clock, tmp_path) as url, node(url) as here:
            session_id = await died_with_a_session(url)
            delivery = await delivered(here)
            await clock.advance(NODE_LOST_MS + 1)
            assert await sweep(here) == 0
            await clock.advance(GRACE_MS - 1)
            resumed = await here.resume_session(session_id, TEAM, EVERYTHING, URL)
            assert resumed
            await clock.advance(GRACE_MS)
            assert await sweep(here) == 0
            assert await due_ids(here, resumed) == [delivery.id]

    run(check)


def test_a_node_that_was_only_out_of_reach_keeps_its_sessions(tmp_path: Path, clock: Clock, run: Run) -> None:
    async def check() -> None:
        async with postgres_going_by(clock, tmp_path) as url, node(url) as here, node(url) as there:
            await session(there)
            async with database(url) as connection:
                await connection.execute("UPDATE nodes SET seen_at_ms = seen_at_ms - $1", NODE_LOST_MS + 1)
                assert await sweep(here) == 0
                assert await connection.fetchval("SELECT away_since_ms FROM sessions") == clock.now_ms
                await there.ping()
                assert await connection.fetchval("SELECT away_since_ms FROM sessions") is None
            await clock.advance(GRACE_MS)
            await there.ping()
            assert await sweep(here) == 0
            assert len(await here.append_event(event())) == 1

    run(check)


def test_a_node_that_died_is_forgotten_with_its_last_session(tmp_path: Path, clock: Clock, run: Run) -> None:
    async def check() -> None:
        async with postgres_going_by(clock, tmp_path) as url, node(url) as here, database(url) as connection:
            await died_with_a_session(url)
            for _ in range(3):
                await clock.advance(NODE_LOST_MS + GRACE_MS + 1)
                await sweep(here)
            assert await connection.fetchval("SELECT count(*) FROM nodes") == 1

    run(check)


async def died_with_a_session(url: str) -> str:
    """What a node leaves behind that was killed: a session, and its own last heartbeat."""
    async with database(url) as connection:
        await connection.execute("INSERT INTO nodes VALUES ('nod_dead', now_ms())")
        await connection.execute(
            "INSERT INTO sessions (id, team_id, patterns, forward_to, epoch, node, opened_at_ms)"
            " VALUES ('ses_1', $1, '*', $2, 1, 'nod_dead', now_ms())",
            TEAM,
            URL,
        )
    return "ses_1"


def test_a_session_at_another_node_is_told_by_that_one(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as here, node(url) as there:
            first = await session(there)
            heard = there.wakeups.join(ANNOUNCEMENTS)
            heard.clear()
            await asyncio.sleep(0.002)  # they are told apart by the millisecond
            newcomer = await here.open_session(TEAM, EVERYTHING, URL, Traits("laptop"))
            assert (await here.arrive(newcomer)).neighbours.who == [URL]
            await heard.wait()
            assert list(await here.announcements()) == []
            assert list(await there.announcements()) == [(first.id, "laptop")]

    run(check)
