"""The end: what is in flight may finish, the cloud hears of it, and a second Ctrl-C waits for nothing."""

import asyncio

import pytest

from cstar_cli.activity import Disconnected, Finishing, Forwarded, Ready, Summary
from cstar_cli.protocol.frames import Bye, Result

from .fakes import FAILING, REFUSED, Desk, FakeCloud, FakeConnection, Starter, delivery
from .virtual_time import virtually


async def start(desk: Desk) -> tuple[asyncio.Task[Summary], FakeConnection]:
    """Run the listener and let it in."""
    running = asyncio.create_task(desk.listener.run())
    connection = await desk.cloud.connection()
    await connection.welcome()
    await desk.see(Ready)
    return running, connection


async def start_with_one_in_flight(desk: Desk) -> tuple[asyncio.Task[Summary], FakeConnection]:
    running, connection = await start(desk)
    desk.gate.clear()
    connection.say(delivery(1))
    await asyncio.sleep(1)
    assert desk.forwarding == ["dlv_1"]
    return running, connection


def now() -> float:
    return asyncio.get_running_loop().time()


@virtually
async def test_with_nothing_in_flight_it_says_bye_and_ends_at_once() -> None:
    desk = Desk(FakeCloud())
    running, connection = await start(desk)
    stopped_at = now()
    desk.listener.stop()
    assert await running == Summary(0, 0, 0, 0)
    assert now() == stopped_at
    assert connection.heard(Bye)
    assert desk.of(Finishing) == []
    assert desk.of(Disconnected) == []


@virtually
async def test_what_is_in_flight_finishes_and_its_result_is_durable_before_bye_is_said() -> None:
    desk = Desk(FakeCloud())
    running, connection = await start_with_one_in_flight(desk)
    desk.listener.stop()
    assert await desk.see(Finishing) == [Finishing(1)]
    desk.gate.set()
    await connection.hear(Result)
    await asyncio.sleep(1)
    assert not connection.heard(Bye)
    await connection.settle()
    assert await running == Summary(1, 1, 0, 0)
    assert connection.heard(Bye)


@virtually
async def test_nothing_new_is_taken_while_it_ends() -> None:
    desk = Desk(FakeCloud())
    running, connection = await start_with_one_in_flight(desk)
    desk.listener.stop()
    connection.say(delivery(2))
    await asyncio.sleep(1)
    desk.gate.set()
    await connection.settle()
    assert await running == Summary(1, 1, 0, 0)
    assert desk.forwarding == ["dlv_1"]


@virtually
async def test_what_never_finishes_is_given_up_after_ten_seconds_and_counted() -> None:
    desk = Desk(FakeCloud())
    running, connection = await start_with_one_in_flight(desk)
    stopped_at = now()
    connection.say()  # something is still heard, or the connection would be given up
    desk.listener.stop()
    assert await running == Summary(0, 0, 0, 1)
    assert now() - stopped_at == pytest.approx(10)
    assert desk.of(Forwarded) == []


@virtually
async def test_a_result_that_the_cloud_never_settles_is_waited_for_two_seconds() -> None:
    desk = Desk(FakeCloud())
    running, _ = await start_with_one_in_flight(desk)
    desk.listener.stop()
    desk.gate.set()
    stopped_at = now()
    assert await running == Summary(1, 1, 0, 0)
    assert now() - stopped_at == pytest.approx(2)


@virtually
async def test_output_without_room_does_not_hold_up_the_end_for_ever() -> None:
    desk = Desk(FakeCloud())
    desk.room.clear()
    running, connection = await start(desk)
    connection.say(delivery(1))
    await asyncio.sleep(1)
    stopped_at = now()
    desk.listener.stop()
    assert (await running).unfinished == 1
    assert now() - stopped_at == pytest.approx(10)


@virtually
async def test_a_second_stop_ends_at_once() -> None:
    desk = Desk(FakeCloud())
    running, connection = await start_with_one_in_flight(desk)
    desk.listener.stop()
    await desk.see(Finishing)
    stopped_at = now()
    desk.listener.stop()
    assert await running == Summary(0, 0, 0, 1)
    assert now() == stopped_at
    assert connection.closed


@virtually
async def test_a_stop_while_disconnected_ends_at_once() -> None:
    cloud = FakeCloud(FAILING)
    desk = Desk(cloud)
    running = asyncio.create_task(desk.listener.run())
    await cloud.dialled(8)
    stopped_at = now()
    desk.listener.stop()
    await running
    assert now() == stopped_at


@virtually
async def test_a_stop_before_the_first_welcome_ends_within_seconds_and_says_no_bye() -> None:
    desk = Desk(FakeCloud())
    running = asyncio.create_task(desk.listener.run())
    connection = await desk.cloud.connection()
    desk.listener.stop()
    await running
    assert now() <= 3
    assert not connection.heard(Bye)


@virtually
async def test_a_result_is_still_delivered_when_the_connection_breaks_while_it_ends() -> None:
    desk = Desk(FakeCloud())
    running, connection = await start_with_one_in_flight(desk)
    desk.listener.stop()
    connection.cut()
    again = await desk.cloud.connection()
    await again.welcome(resumed=True)
    desk.gate.set()
    await again.settle()
    assert await running == Summary(1, 1, 0, 0)
    assert again.heard(Bye)


@virtually
async def test_the_cloud_in_this_process_closes_last() -> None:
    cloud = FakeCloud(REFUSED)
    start_cloud = Starter(cloud)
    desk = Desk(cloud, start_cloud=start_cloud)
    running, connection = await start_with_one_in_flight(desk)
    desk.listener.stop()
    desk.gate.set()
    await connection.settle()
    await connection.hear(Bye)
    assert start_cloud.running
    await running
    assert connection.closed
    assert not start_cloud.running


@virtually
async def test_the_cloud_in_this_process_closes_after_a_second_stop_too() -> None:
    cloud = FakeCloud(REFUSED)
    start_cloud = Starter(cloud)
    desk = Desk(cloud, start_cloud=start_cloud)
    running, _ = await start_with_one_in_flight(desk)
    desk.listener.stop()
    await desk.see(Finishing)
    desk.listener.stop()
    await running
    assert not start_cloud.running


@virtually
async def test_a_stop_before_it_runs_ends_it_without_a_connection() -> None:
    desk = Desk(FakeCloud())
    desk.listener.stop()
    assert await desk.listener.run() == Summary(0, 0, 0, 0)
    assert desk.cloud.dialled_at == []


@virtually
async def test_it_ends_by_itself_when_as_many_are_forwarded_as_were_asked_for_and_their_results_are_durable() -> None:
    desk = Desk(FakeCloud(), most=3)
    running, connection = await start(desk)
    connection.say(*map(delivery, range(5)))
    await connection.hear(Result, 3)
    await asyncio.sleep(1)
    assert not running.done()
    await connection.settle(3)
    assert await running == Summary(3, 3, 0, 0, held=2)
    assert (desk.forwarding, desk.of(Finishing)) == (["dlv_0", "dlv_1", "dlv_2"], [])
    assert connection.heard(Bye)


@virtually
async def test_the_last_one_of_those_asked_for_does_not_cut_short_an_end_that_has_begun() -> None:
    desk = Desk(FakeCloud(), most=1)
    running, connection = await start_with_one_in_flight(desk)
    desk.listener.stop()
    desk.gate.set()
    await connection.hear(Result)
    await asyncio.sleep(1)
    assert not running.done()
    await connection.settle()
    assert await running == Summary(1, 1, 0, 0)
