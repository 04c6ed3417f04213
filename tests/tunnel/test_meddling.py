"""Chaos between the cloud and the application: what is posted when, what the cloud hears, what is told."""

import asyncio

from cstar_cli.activity import ChaosCounts, Down, Forwarded, Ready, Summary
from cstar_cli.protocol.frames import Hello, Result, Settled
from cstar_cli.tunnel.chaos import Chaos
from cstar_cli.tunnel.listener import DRAIN_S
from cstar_cli.tunnel.meddling import DROPPED, QUIET_S

from .fakes import Desk, FakeCloud, FakeConnection, connected, delivery
from .virtual_time import virtually

TWICE = Chaos("duplicate=100%", 7, duplicate=1.0)
DROP = Chaos("drop=50%", 7, drop=0.5)
SHUFFLE = Chaos("shuffle=5", 7, shuffle=5)
DELAY = Chaos("delay=1..3s", 7, delay_ms=(1000, 3000))


def ids(*numbers: int) -> list[str]:
    return [f"dlv_{number}" for number in numbers]


def shown(desk: Desk) -> list[tuple[str, tuple[str, ...], str]]:
    return [(line.delivery_id, line.chaos, line.outcome) for line in desk.of(Forwarded)]


def now() -> float:
    return asyncio.get_running_loop().time()


async def start(desk: Desk) -> tuple["asyncio.Task[Summary]", FakeConnection]:
    running = asyncio.ensure_future(desk.listener.run())
    connection = await desk.cloud.connection()
    await connection.welcome()
    await desk.see(Ready)
    return running, connection


@virtually
async def test_a_duplicate_is_posted_under_the_same_id_and_the_cloud_hears_of_the_first() -> None:
    desk = Desk(FakeCloud(), chaos=TWICE)
    desk.repeats = "failed"
    running, connection = await start(desk)
    connection.say(delivery(1))
    await connection.settle()
    await desk.see(Forwarded, 2)
    desk.listener.stop()
    assert desk.forwarding == ids(1, 1)
    assert [result.succeeded for result in connection.heard(Result)] == [True]
    assert shown(desk) == [("dlv_1", (), "succeeded"), ("dlv_1", ("duplicate",), "failed")]
    assert await running == Summary(1, 1, 0, 0, chaos=ChaosCounts(duplicated=1, duplicates_failed=1))


@virtually
async def test_what_failed_is_not_posted_twice_for_it_comes_again_by_itself() -> None:
    desk = Desk(FakeCloud(), chaos=TWICE)
    desk.failing = True
    async with connected(desk) as connection:
        connection.say(delivery(1))
        await connection.settle()
        assert desk.forwarding == ids(1)


@virtually
async def test_a_duplicate_keeps_its_slot_so_that_one_at_a_time_is_one_at_a_time() -> None:
    desk = Desk(FakeCloud(), chaos=TWICE, concurrency=1)
    async with connected(desk) as connection:
        connection.say(delivery(1), delivery(2))
        await connection.settle(2)
        assert desk.forwarding == ids(1, 1, 2, 2)


@virtually
async def test_the_last_event_asked_for_is_posted_twice_too() -> None:
    desk = Desk(FakeCloud(), chaos=TWICE, most=1)
    running, connection = await start(desk)
    connection.say(delivery(1), delivery(2))
    await connection.settle()
    assert await running == Summary(1, 1, 0, 0, held=1, chaos=ChaosCounts(duplicated=1))
    assert shown(desk) == [("dlv_1", (), "succeeded"), ("dlv_1", ("duplicate",), "succeeded")]


@virtually
async def test_of_a_duplicate_that_never_ends_the_first_is_recorded_all_the_same() -> None:
    desk = Desk(FakeCloud(), chaos=TWICE)
    desk.repeats = "hung"
    running, connection = await start(desk)
    connection.say(delivery(1))
    await asyncio.sleep(1)
    assert connection.heard(Result) == []
    began = now()
    desk.listener.stop()
    await connection.settle()
    assert now() - began == DRAIN_S
    assert await running == Summary(1, 1, 0, 0, chaos=ChaosCounts())


@virtually
async def test_what_is_dropped_fails_without_a_post() -> None:
    desk = Desk(FakeCloud(), chaos=DROP)
    async with connected(desk) as connection:
        connection.say(*map(delivery, range(1, 21)))
        await connection.settle(20)
        results = {result.delivery_id: result for result in connection.heard(Result)}
        dropped = [name for name, result in results.items() if not result.succeeded]
        assert 5 < len(dropped) < 15
        assert sorted(desk.forwarding + dropped) == sorted(results)
        assert {(results[name].error, results[name].status) for name in dropped} == {(DROPPED, None)}
        lines = {line.delivery_id: line for line in desk.of(Forwarded)}
        assert {name for name, line in lines.items() if line.chaos == ("drop",) and line.error == DROPPED} == set(
            dropped
        )


@virtually
async def test_with_retries_what_is_dropped_comes_again_with_another_fate_under_its_number() -> None:
    chaos = Chaos("", 7, drop=0.5)
    number = next(each for each in range(1, 50) if chaos.fate(each, 1).drop and not chaos.fate(each, 2).drop)
    desk = Desk(FakeCloud(), chaos=chaos, retry_speed=60.0)
    async with connected(desk) as connection:
        connection.say(*map(delivery, range(1, number + 1)))
        await connection.hear(Result, number)
        connection.say(Settled((f"dlv_{number}",), {f"dlv_{number}": 1000}))
        again = delivery(number)
        again = type(again)(again.delivery_id, again.event_id, again.event_type, 2)
        connection.say(again)
        result = (await connection.hear(Result, number + 1))[-1]
        assert (result.attempt, result.succeeded) == (2, True)
        line = next(
            each for each in desk.of(Forwarded) if each.chaos == ("drop",) and each.delivery_id == f"dlv_{number}"
        )
        assert line.next_attempt_at_ms == 1000


@virtually
async def test_deliveries_go_in_another_order_and_the_last_when_nothing_more_comes() -> None:
    desk = Desk(FakeCloud(), chaos=SHUFFLE, concurrency=1)
    async with connected(desk) as connection:
        for number in range(1, 8):
            connection.say(delivery(number))
            await asyncio.sleep(QUIET_S / 2)
        await connection.hear(Result, 5)
        assert sorted(desk.forwarding) == ids(1, 2, 3, 4, 5)
        assert desk.forwarding != ids(1, 2, 3, 4, 5)
        moved = [line.delivery_id for line in desk.of(Forwarded) if line.chaos == ("shuffle",)]
        in_place = [name for name, there in zip(desk.forwarding, ids(1, 2, 3, 4, 5), strict=True) if name == there]
        assert sorted(moved + in_place) == ids(1, 2, 3, 4, 5)
        began = now()
        await connection.settle(7)
        assert QUIET_S / 2 <= now() - began <= QUIET_S
        assert sorted(desk.forwarding) == ids(1, 2, 3, 4, 5, 6, 7)


@virtually
async def test_each_delivery_waits_for_its_own_time_and_the_line_says_how_long() -> None:
    desk = Desk(FakeCloud(), chaos=DELAY, concurrency=1)
    async with connected(desk) as connection:
        connection.say(*map(delivery, range(1, 21)))
        began = now()
        await connection.settle(20)
        expected = sorted((DELAY.fate(number, 1).delay_ms, f"dlv_{number}") for number in range(1, 21))
        assert desk.forwarding == [name for _, name in expected]
        assert now() - began == expected[-1][0] / 1000
        assert [(line.delay_ms, line.delivery_id) for line in desk.of(Forwarded)] == expected
        assert {line.chaos for line in desk.of(Forwarded)} == {("delay",)}


@virtually
async def test_what_is_held_back_is_still_held_for_the_cloud_which_may_push_it_again() -> None:
    desk = Desk(FakeCloud(), chaos=DELAY)
    async with connected(desk) as connection:
        connection.say(delivery(1), delivery(2))
        await asyncio.sleep(0.5)
        connection.cut()
        again = await desk.cloud.connection()
        [hello] = await again.hear(Hello)
        assert sorted(hello.holding) == ids(1, 2)
        await again.welcome(resumed=True)
        again.say(delivery(1), delivery(2))
        await again.settle(2)
        await asyncio.sleep(5)
        assert sorted(desk.forwarding) == ids(1, 2)


@virtually
async def test_what_was_held_back_for_a_session_that_has_ended_is_not_posted() -> None:
    desk = Desk(FakeCloud(), chaos=DELAY)
    async with connected(desk) as connection:
        connection.say(delivery(1))
        await asyncio.sleep(0.5)
        connection.cut()
        again = await desk.cloud.connection()
        await again.welcome("ses_2")
        await asyncio.sleep(5)
        assert desk.forwarding == []


@virtually
async def test_at_the_end_what_is_held_back_is_not_forwarded_and_counted() -> None:
    desk = Desk(FakeCloud(), chaos=Chaos("", 1, shuffle=2, delay_ms=(60_000, 60_000)))
    running, connection = await start(desk)
    connection.say(delivery(1), delivery(2), delivery(3))
    await asyncio.sleep(0.5)
    began = now()
    desk.listener.stop()
    summary = await running
    assert now() - began < 1
    assert (summary.forwarded, summary.held, desk.forwarding) == (0, 3, [])
    assert summary.chaos == ChaosCounts()


@virtually
async def test_what_the_application_refuses_waits_for_it_and_meets_the_same_fate_then() -> None:
    desk = Desk(FakeCloud(), chaos=Chaos("", 7, duplicate=1.0, delay_ms=(1000, 1000)))
    async with connected(desk) as connection:
        await asyncio.sleep(1)
        desk.down = True
        connection.say(delivery(1))
        await desk.see(Down)
        desk.down = False
        desk.forwarding.clear()
        began = now()
        await connection.settle()
        await desk.see(Forwarded, 2)
        assert now() - began < 1, "it has been delayed already"
        assert desk.forwarding == ids(1, 1)
        assert shown(desk) == [("dlv_1", ("delay",), "succeeded"), ("dlv_1", ("duplicate",), "succeeded")]


@virtually
async def test_what_waited_for_the_application_keeps_the_order_that_it_was_shuffled_into() -> None:
    desk = Desk(FakeCloud(), chaos=SHUFFLE, concurrency=1)
    async with connected(desk) as connection:
        connection.say(*map(delivery, range(1, 6)))
        await connection.settle(5)
        before = [*desk.forwarding]
    other = Desk(FakeCloud(), chaos=SHUFFLE, concurrency=1)
    async with connected(other) as connection:
        await asyncio.sleep(1)
        other.down = True
        connection.say(*map(delivery, range(1, 6)))
        await other.see(Down)
        other.down = False
        other.forwarding.clear()
        await connection.settle(5)
        assert other.forwarding == before
