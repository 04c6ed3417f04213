"""What a listener that wants retries says of failures: when they come again, as soon as the cloud has said so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec.structs import replace

from cstar_cli.activity import Forwarded, Notice, Ready, Reconnected, Summary
from cstar_cli.protocol.frames import Result, Settled

from .fakes import Desk, FakeCloud, FakeConnection, connected, delivery
from .virtual_time import virtually


@asynccontextmanager
async def retrying() -> AsyncIterator[tuple[Desk, FakeConnection]]:
    """A listener whose receiver fails."""
    desk = Desk(FakeCloud(), retry_speed=60.0)
    desk.failing = True
    async with connected(desk) as connection:
        yield desk, connection


@virtually
async def test_ready_says_what_the_waits_are() -> None:
    async with retrying() as (desk, _):
        assert desk.of(Ready)[0].retry_waits_ms == (1000,)
        assert desk.of(Notice) == []


@virtually
async def test_a_cloud_that_makes_no_retries_is_told_of() -> None:
    desk = Desk(FakeCloud(), retry_speed=60.0)
    async with asyncio.TaskGroup() as group:
        group.create_task(desk.listener.run())
        connection = await desk.cloud.connection()
        connection.retry_waits_ms = None
        await connection.welcome()
        [notice] = await desk.see(Notice)
        assert notice.message == "This cloud makes no retries for a listener: what fails is final."
        desk.listener.stop()


@virtually
async def test_a_failure_is_shown_with_its_retry_once_the_cloud_has_said_when() -> None:
    async with retrying() as (desk, connection):
        connection.say(delivery(1))
        await connection.hear(Result)
        await asyncio.sleep(1)
        assert desk.of(Forwarded) == []
        connection.say(Settled(("dlv_1",), {"dlv_1": 5000}))
        [failed] = await desk.see(Forwarded)
        assert (failed.outcome, failed.attempt, failed.next_attempt_at_ms) == ("failed", 1, 5000)


@virtually
async def test_a_last_failure_is_shown_without() -> None:
    async with retrying() as (desk, connection):
        connection.say(delivery(1))
        await connection.settle()
        [failed] = await desk.see(Forwarded)
        assert failed.next_attempt_at_ms is None


@virtually
async def test_a_success_is_shown_at_once() -> None:
    async with retrying() as (desk, connection):
        desk.failing = False
        connection.say(delivery(1))
        await desk.see(Forwarded)
        assert connection.heard(Settled) == []


@virtually
async def test_without_retries_a_failure_is_shown_at_once() -> None:
    desk = Desk(FakeCloud())
    desk.failing = True
    async with connected(desk) as connection:
        connection.say(delivery(1))
        [failed] = await desk.see(Forwarded)
        assert failed.next_attempt_at_ms is None


@virtually
async def test_the_next_attempt_is_forwarded() -> None:
    async with retrying() as (desk, connection):
        connection.say(delivery(1))
        await connection.hear(Result)
        connection.say(Settled(("dlv_1",), {"dlv_1": 5000}))
        await desk.see(Forwarded)
        desk.failing = False
        connection.say(replace(delivery(1), attempt=2))
        _, again = await desk.see(Forwarded, 2)
        assert (again.outcome, again.attempt) == ("succeeded", 2)


@virtually
async def test_a_failure_that_the_cloud_can_say_no_more_of_is_shown_as_it_is() -> None:
    async with retrying() as (desk, connection):
        connection.say(delivery(1))
        await connection.hear(Result)
        connection.cut()
        [failed] = await desk.see(Forwarded)
        assert failed.next_attempt_at_ms is None
        again = await desk.cloud.connection()
        await again.welcome(resumed=True)
        await desk.see(Reconnected)
        again.say(Settled(("dlv_1",), {"dlv_1": 5000}))
        await asyncio.sleep(1)
        assert len(desk.of(Forwarded)) == 1


@virtually
async def test_the_summary_counts_what_waits_for_a_retry() -> None:
    desk = Desk(FakeCloud(), retry_speed=60.0)
    desk.failing = True
    running = asyncio.ensure_future(desk.listener.run())
    connection = await desk.cloud.connection()
    await connection.welcome()
    connection.say(delivery(1), delivery(2))
    await connection.hear(Result, 2)
    connection.say(Settled(("dlv_1", "dlv_2"), {"dlv_1": 5000}))
    await desk.see(Forwarded, 2)
    desk.listener.stop()
    assert await running == Summary(2, 0, 2, 0, waiting=1, retried=1)


@virtually
async def test_a_failure_is_shown_before_the_summary_whatever_the_cloud_says() -> None:
    desk = Desk(FakeCloud(), retry_speed=60.0)
    desk.failing = True
    running = asyncio.ensure_future(desk.listener.run())
    connection = await desk.cloud.connection()
    await connection.welcome()
    connection.say(delivery(1))
    await connection.hear(Result)
    desk.listener.stop()
    assert await running == Summary(1, 0, 1, 0)
    assert len(desk.of(Forwarded)) == 1
