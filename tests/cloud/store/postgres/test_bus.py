"""Nodes hear of what concerns them, and find by themselves what they didn't hear."""

import asyncio

from cstar_cli.cloud.store.postgres.bus import CHANNEL
from cstar_cli.cloud.store.wakeups import WEBHOOKS, Wakeups, attempts_of

from ..making import TEAM, delivered, due_ids, event, outcome, posted, session, webhook
from .conftest import Run
from .nodes import cut_all, database, node


def joined(wakeups: Wakeups, topic: str) -> asyncio.Event:
    wake = wakeups.join(topic)
    wake.clear()
    return wake


def test_a_session_hears_of_an_event_on_another_node(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as here, node(url) as there:
            to = await session(there)
            wake = joined(there.wakeups, to.id)
            made = await delivered(here)
            await wake.wait()
            assert await due_ids(there, to) == [made.id]

    run(check)


def test_a_dispatcher_hears_of_an_event_on_another_node(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as here, node(url) as there:
            await webhook(here)
            wake = joined(there.wakeups, WEBHOOKS)
            made = await delivered(here)
            await wake.wait()
            assert await posted(there) == made.id

    run(check)


def test_a_tail_hears_of_an_attempt_on_another_node(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as here, node(url) as there:
            to = await session(here)
            wake = joined(there.wakeups, attempts_of(TEAM))
            await here.settle(to, [outcome(await delivered(here))])
            await wake.wait()

    run(check)


def test_a_crowd_that_no_notice_can_name_hears_all_the_same(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as here, node(url) as there:
            crowd = [await session(there) for _ in range(400)]
            wakes = [joined(there.wakeups, one.id) for one in crowd]
            await here.append_event(event())
            for wake in wakes:
                await wake.wait()

    run(check)


def test_a_notice_that_nobody_understands_wakes_all(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as here, database(url) as connection:
            wake = joined(here.wakeups, "ses_1")
            await connection.execute("SELECT pg_notify($1, 'of a later version')", CHANNEL)
            await wake.wait()

    run(check)


def test_what_nobody_tells_of_is_found_by_the_poll(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url, poll_s=0.05) as here, database(url) as connection:
            to = await session(here)
            made = await delivered(here)
            await here.settle(to, [outcome(made)])
            wakes = [joined(here.wakeups, topic) for topic in (to.id, WEBHOOKS, attempts_of(TEAM))]
            await connection.execute(
                "INSERT INTO deliveries (id, team_id, event_seq, event_id, event_type, target, url, status,"
                " attempt_count, created_at_ms) SELECT 'dlv_untold', team_id, event_seq, event_id, event_type, target,"
                " url, 'pending', 0, created_at_ms FROM deliveries WHERE id = $1",
                made.id,
            )
            for wake in wakes:
                await wake.wait()
            assert await due_ids(here, to) == ["dlv_untold"]

    run(check)


def test_the_poll_leaves_those_alone_that_nothing_waits_for(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url, poll_s=0.02) as here:
            idle = joined(here.wakeups, (await session(here)).id)
            polled = joined(here.wakeups, WEBHOOKS)
            for _ in range(3):
                await polled.wait()
                polled.clear()
            assert not idle.is_set()

    run(check)


def test_who_was_cut_off_looks_at_everything_and_hears_again(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as here, node(url) as there:
            to = await session(there)
            wake = joined(there.wakeups, to.id)
            await cut_all(url)
            await wake.wait()
            wake.clear()
            made = await delivered(here)
            await wake.wait()
            assert await due_ids(there, to) == [made.id]

    run(check)
