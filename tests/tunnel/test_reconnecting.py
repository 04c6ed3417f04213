"""The connection lost: how it comes back, what is told, and what is sent again."""

import asyncio

import pytest
from msgspec.structs import replace

from cstar_cli.activity import CaughtUp, Disconnected, Forwarded, Notice, Ready, Reconnected
from cstar_cli.errors import NotAllowed
from cstar_cli.protocol.frames import Hello, Result
from cstar_cli.tunnel.connection import Unreachable

from .fakes import FAILING, FOREIGN, REFUSED, Desk, FakeCloud, Starter, connected, delivery, error_of
from .virtual_time import stand_still, virtually


@virtually
async def test_a_cut_is_told_once_and_so_is_the_return_with_what_was_missed() -> None:
    cloud = FakeCloud()
    desk = Desk(cloud)
    async with connected(desk) as connection:
        cloud.trouble = FAILING
        connection.cut("the cloud went away")
        await cloud.dialled(5)
        cloud.trouble = None
        hello = await (await cloud.connection()).welcome(resumed=True, waiting=7, oldest_ms=1000, newest_ms=9000)
        assert hello.session_id == "ses_1"
        assert await desk.see(Reconnected) == [
            Reconnected(0, 7, resumed=True, took_over=False, session_id="ses_1", oldest_ms=1000, newest_ms=9000)
        ]
        assert desk.seen[1:] == [Disconnected(0, "the cloud went away"), *desk.of(Reconnected)]


@virtually
async def test_what_was_skipped_is_told() -> None:
    desk = Desk(FakeCloud())
    async with connected(desk) as connection:
        connection.cut()
        await (await desk.cloud.connection()).welcome(resumed=True, skipped=5, oldest_ms=1000, newest_ms=9000)
        [back] = await desk.see(Reconnected)
        assert (back.missed, back.skipped, back.oldest_ms, back.newest_ms) == (0, 5, 1000, 9000)


@virtually
async def test_a_cloud_that_is_too_old_for_a_wish_is_told_of() -> None:
    desk = Desk(FakeCloud(), wanted=Hello("u", ("*",), 40, since_ms=500, only_origin="7d0f", latest=True))
    async with asyncio.TaskGroup() as group:
        group.create_task(desk.listener.run())
        connection = await desk.cloud.connection()
        connection.heeds = ("latest",)
        await connection.welcome()
        told = await desk.see(Notice, 2)
        assert [notice.message.partition(":")[0] for notice in told] == [
            "This cloud is too old for --only-mine",
            "This cloud is too old for --since",
        ]
        assert desk.of(CaughtUp) == []
        desk.listener.stop()


@virtually
async def test_what_came_before_the_session_is_told_once_it_is_ready() -> None:
    desk = Desk(FakeCloud(), wanted=Hello("u", ("*",), 40, since_ms=500))
    async with connected(desk, waiting=3, oldest_ms=1000, newest_ms=9000):
        [told] = await desk.see(CaughtUp)
        assert told == CaughtUp(500, 3, 1000, 9000)
        assert [type(each) for each in desk.seen] == [Ready, CaughtUp]


@virtually
async def test_a_session_that_could_not_be_resumed_is_told_and_is_no_second_ready() -> None:
    desk = Desk(FakeCloud())
    async with connected(desk) as connection:
        connection.cut()
        await (await desk.cloud.connection()).welcome("ses_2", resumed=False)
        [back] = await desk.see(Reconnected)
        assert (back.resumed, back.session_id) == (False, "ses_2")
        assert len(desk.of(Ready)) == 1


@virtually
async def test_after_a_standstill_what_the_cloud_sent_before_is_forwarded_once_in_the_new_session() -> None:
    desk = Desk(FakeCloud())
    async with connected(desk) as connection:
        connection.say(delivery(1))
        connection.cut()
        stand_still(60)
        connection = await desk.cloud.connection()
        await connection.welcome("ses_2", resumed=False)
        connection.say(replace(delivery(1), delivery_id="dlv_2"))
        await desk.see(Forwarded)
        assert desk.forwarding == ["dlv_2"]
        assert [gone.reason for gone in desk.of(Disconnected)] == ["this process stood still for 60 s"]


@virtually
async def test_each_cut_is_told() -> None:
    desk = Desk(FakeCloud())
    async with connected(desk) as connection:
        for reason in ("first", "second"):
            connection.cut(reason)
            connection = await desk.cloud.connection()
            await connection.welcome(resumed=True)
            await desk.see(Reconnected, len(desk.of(Disconnected)))
        assert [gone.reason for gone in desk.of(Disconnected)] == ["first", "second"]


@virtually
async def test_waits_double_up_to_ten_seconds_and_begin_anew_after_a_welcome() -> None:
    cloud = FakeCloud()
    desk = Desk(cloud)
    async with connected(desk) as connection:
        for _ in range(2):
            cloud.trouble = FAILING
            begun_at = asyncio.get_running_loop().time()
            before = len(cloud.dialled_at)
            connection.cut()
            times = (await cloud.dialled(before + 10))[before:]
            waits = [later - sooner for sooner, later in zip([begun_at, *times], times, strict=False)]
            assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10])
            cloud.trouble = None
            connection = await cloud.connection()
            await connection.welcome(resumed=True)


@virtually
async def test_waits_are_cut_by_up_to_half_at_random() -> None:
    cloud = FakeCloud(FAILING)
    desk = Desk(cloud, jitter=0.999)
    async with asyncio.TaskGroup() as group:
        group.create_task(desk.listener.run())
        assert await cloud.dialled(4) == pytest.approx([0, 0.05, 0.15, 0.35], rel=0.01)
        desk.listener.stop()


@virtually
async def test_a_cloud_that_hangs_up_without_a_welcome_is_not_hurried() -> None:
    cloud = FakeCloud()
    desk = Desk(cloud)
    async with asyncio.TaskGroup() as group:
        group.create_task(desk.listener.run())
        for _ in range(10):
            (await cloud.connection()).cut()
        assert (await cloud.dialled(11))[-1] > 30
        desk.listener.stop()


@virtually
async def test_a_foreign_program_in_its_place_is_waited_out_once_the_session_stood() -> None:
    cloud = FakeCloud()
    desk = Desk(cloud)
    async with connected(desk) as connection:
        cloud.trouble = FOREIGN
        connection.cut()
        await cloud.dialled(5)
        cloud.trouble = None
        await (await cloud.connection()).welcome(resumed=True)
        await desk.see(Reconnected)


@virtually
async def test_a_cloud_that_asks_for_time_meanwhile_gets_it_and_that_is_told() -> None:
    cloud = FakeCloud()
    desk = Desk(cloud)
    async with connected(desk) as connection:
        cloud.trouble = Unreachable("the cloud answered 503 and asks to wait 30 s", wait_s=30)
        connection.cut()
        first, *_, last = (await cloud.dialled(4))[1:]
        assert last - first == pytest.approx(60)
        assert len(desk.of(Notice)) == 1


@virtually
async def test_another_users_cloud_in_its_place_ends_it() -> None:
    cloud = FakeCloud()
    desk = Desk(cloud)
    async with asyncio.TaskGroup() as group:
        ending = group.create_task(error_of(desk.listener))
        connection = await cloud.connection()
        await connection.welcome()
        await desk.see(Ready)
        cloud.trouble = NotAllowed("not yours")
        connection.cut()
    assert isinstance(ending.result(), NotAllowed)


@virtually
async def test_when_the_cloud_is_gone_this_process_takes_its_place() -> None:
    cloud = FakeCloud()
    start_cloud = Starter(cloud)
    desk = Desk(cloud, start_cloud=start_cloud)
    async with connected(desk) as connection:
        cloud.trouble = REFUSED
        connection.cut()
        await (await cloud.connection()).welcome(resumed=True)
        [back] = await desk.see(Reconnected)
        assert back.took_over
        assert start_cloud.takes_over == [True]


@virtually
async def test_when_another_takes_the_clouds_place_first_it_is_dialled() -> None:
    cloud = FakeCloud()
    start_cloud = Starter(cloud, others_first=1000)
    desk = Desk(cloud, start_cloud=start_cloud)
    async with connected(desk) as connection:
        cloud.trouble = REFUSED
        connection.cut()
        await cloud.dialled(10)
        cloud.trouble = None
        await (await cloud.connection()).welcome(resumed=True)
        [back] = await desk.see(Reconnected)
        assert not back.took_over


@virtually
async def test_one_that_took_over_once_says_so_once() -> None:
    cloud = FakeCloud()
    desk = Desk(cloud, start_cloud=Starter(cloud))
    async with connected(desk) as connection:
        cloud.trouble = REFUSED
        connection.cut()
        connection = await cloud.connection()
        await connection.welcome(resumed=True)
        await desk.see(Reconnected)
        connection.cut()
        await (await cloud.connection()).welcome(resumed=True)
        assert [back.took_over for back in await desk.see(Reconnected, 2)] == [True, False]


@virtually
async def test_a_result_that_came_while_away_is_sent_after_the_next_welcome() -> None:
    cloud = FakeCloud()
    desk = Desk(cloud)
    async with connected(desk) as connection:
        desk.gate.clear()
        connection.say(delivery(1))
        await asyncio.sleep(1)
        cloud.trouble = FAILING
        connection.cut()
        await desk.see(Disconnected)
        desk.gate.set()
        await desk.see(Forwarded)
        cloud.trouble = None
        again = await cloud.connection()
        hello = await again.welcome(resumed=True)
        assert hello.holding == ("dlv_1",)
        assert [result.delivery_id for result in await again.hear(Result)] == ["dlv_1"]
        await again.settle()


@virtually
async def test_a_delivery_that_is_repeated_after_a_cut_is_forwarded_once() -> None:
    desk = Desk(FakeCloud())
    async with connected(desk) as connection:
        connection.say(delivery(1))
        await connection.hear(Result)
        connection.cut()
        again = await desk.cloud.connection()
        await again.welcome(resumed=True)
        again.say(delivery(1))
        await again.hear(Result, 2)
        assert desk.forwarding == ["dlv_1"]
        await again.settle()


@virtually
async def test_nothing_of_one_connection_is_said_on_the_next() -> None:
    desk = Desk(FakeCloud())
    async with connected(desk) as connection:
        connection.reading.clear()
        connection.say(delivery(1))
        await desk.see(Forwarded)
        connection.cut()
        again = await desk.cloud.connection()
        await asyncio.sleep(1)
        assert again.heard(Result) == []
        await again.welcome("ses_2", resumed=False)
        await asyncio.sleep(1)
        assert again.heard(Result) == []
