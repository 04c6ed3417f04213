"""The first connection, what is forwarded, and what the cloud hears of it."""

import asyncio

import pytest

from cstar_cli.activity import Disconnected, Forwarded, Notice, Ready
from cstar_cli.errors import CloudUnreachable, CstarError, NotAllowed
from cstar_cli.protocol.frames import Heartbeat, Refused, Result
from cstar_cli.tunnel.connection import Unreachable
from cstar_cli.tunnel.link import MESSAGE_BYTES

from .fakes import FAILING, FOREIGN, REFUSED, Desk, FakeCloud, Starter, connected, delivery, error_of
from .virtual_time import virtually


@virtually
async def test_ready_is_said_once_the_session_is_accepted_and_not_before() -> None:
    desk = Desk(FakeCloud())
    async with asyncio.TaskGroup() as group:
        group.create_task(desk.listener.run())
        connection = await desk.cloud.connection()
        await asyncio.sleep(3)
        assert desk.seen == []
        await connection.welcome("ses_9")
        [ready] = await desk.see(Ready)
        assert (ready.session_id, ready.embedded) == ("ses_9", False)
        desk.listener.stop()


@virtually
async def test_without_a_cloud_and_a_way_to_start_one_it_ends() -> None:
    desk = Desk(FakeCloud(REFUSED))
    error = await error_of(desk.listener)
    assert isinstance(error, CloudUnreachable)
    assert str(error) == (
        "No cloud answers: nothing listens on http://cloud. Check the address, or leave out --api-base."
    )
    assert desk.seen == []


@virtually
async def test_without_a_cloud_this_process_becomes_it() -> None:
    cloud = FakeCloud(REFUSED)
    start_cloud = Starter(cloud)
    desk = Desk(cloud, start_cloud=start_cloud)
    async with connected(desk):
        assert desk.of(Ready)[0].embedded
        assert start_cloud.takes_over == [False]


@virtually
async def test_when_another_process_is_first_to_be_the_cloud_it_is_dialled_instead() -> None:
    cloud = FakeCloud(REFUSED)
    start_cloud = Starter(cloud, others_first=1)
    desk = Desk(cloud, start_cloud=start_cloud)
    async with connected(desk):
        assert len(cloud.dialled_at) == 3  # refused, refused again after the lost race, connected


@virtually
async def test_when_another_process_holds_the_place_for_long_and_never_answers_it_ends() -> None:
    cloud = FakeCloud(REFUSED)
    error = await error_of(Desk(cloud, start_cloud=Starter(cloud, others_first=1000)).listener)
    assert str(error) == "another was first"
    assert 5 < cloud.dialled_at[-1] < 11


@virtually
async def test_a_foreign_program_on_the_address_ends_it_at_the_start() -> None:
    desk = Desk(FakeCloud(FOREIGN))
    error = await error_of(desk.listener)
    assert str(error) == ("something else answers at http://cloud: stop it, or use another address with --api-base.")


@virtually
async def test_a_cloud_that_refuses_the_token_ends_it() -> None:
    assert isinstance(await error_of(Desk(FakeCloud(NotAllowed("not yours"))).listener), NotAllowed)


@virtually
async def test_a_failing_cloud_is_tried_again_and_that_is_said_once() -> None:
    cloud = FakeCloud(FAILING)
    desk = Desk(cloud)
    async with asyncio.TaskGroup() as group:
        group.create_task(desk.listener.run())
        await cloud.dialled(4)
        cloud.trouble = None
        await (await cloud.connection()).welcome()
        await desk.see(Ready)
        assert desk.of(Notice) == [Notice("Not connected: the cloud answered 503. Trying again until it works.")]
        desk.listener.stop()


@virtually
async def test_a_cloud_that_asks_for_time_gets_it() -> None:
    cloud = FakeCloud(Unreachable("the cloud answered 429 and asks to wait 40 s", wait_s=40))
    desk = Desk(cloud)
    async with asyncio.TaskGroup() as group:
        group.create_task(desk.listener.run())
        assert await cloud.dialled(3) == pytest.approx([0, 40, 80])
        assert [notice.message for notice in desk.of(Notice)] == [
            "Not connected: the cloud answered 429 and asks to wait 40 s. Trying again until it works."
        ]
        desk.listener.stop()


@virtually
async def test_a_session_that_is_refused_for_good_ends_it_with_the_clouds_words() -> None:
    desk = Desk(FakeCloud())
    async with asyncio.TaskGroup() as group:
        ending = group.create_task(error_of(desk.listener))
        (await desk.cloud.connection()).say(Refused("too old", retry=False))
    assert str(ending.result()) == "The cloud refuses the session: too old"


@virtually
async def test_a_session_that_is_refused_for_now_is_asked_for_again() -> None:
    desk = Desk(FakeCloud())
    async with asyncio.TaskGroup() as group:
        group.create_task(desk.listener.run())
        (await desk.cloud.connection()).say(Refused("not now", retry=True))
        await (await desk.cloud.connection()).welcome()
        await desk.see(Ready)
        desk.listener.stop()


@virtually
async def test_what_comes_in_the_message_that_ends_the_connection_is_forwarded_all_the_same() -> None:
    desk = Desk(FakeCloud())
    async with connected(desk) as connection:
        connection.say(delivery(1), Refused("restarting", retry=True))
        again = await desk.cloud.connection()
        await again.welcome(resumed=True)
        assert [result.delivery_id for result in await again.hear(Result)] == ["dlv_1"]
        await again.settle()


@virtually
async def test_a_delivery_is_forwarded_reported_and_its_result_sent() -> None:
    desk = Desk(FakeCloud())
    async with connected(desk) as connection:
        connection.say(delivery(1))
        [result] = await connection.hear(Result)
        assert (result.delivery_id, result.status) == ("dlv_1", 200)
        assert [line.event_id for line in await desk.see(Forwarded)] == ["evt_1"]
        await connection.settle()


@virtually
async def test_an_outcome_that_cannot_be_shown_ends_it() -> None:
    desk = Desk(FakeCloud())
    desk.unspeakable = CstarError("no room on the disk")

    async def deliver() -> None:
        connection = await desk.cloud.connection()
        await connection.welcome()
        connection.say(delivery(1))

    async with asyncio.TaskGroup() as group:
        group.create_task(deliver())
        assert str(await error_of(desk.listener)) == "no room on the disk"


@virtually
async def test_one_that_hangs_delays_neither_the_others_nor_the_heartbeat() -> None:
    desk = Desk(FakeCloud(), concurrency=2)
    async with connected(desk) as connection:
        desk.gate.clear()
        connection.say(delivery(1))
        await connection.hear(Heartbeat)
        connection.say(delivery(2), delivery(3))
        await connection.hear(Heartbeat, 2)
        assert desk.forwarding == ["dlv_1", "dlv_2"]
        desk.gate.set()
        await connection.settle(3)


@virtually
async def test_a_cloud_that_pushes_more_than_was_asked_for_is_read_no_further_and_not_left() -> None:
    desk = Desk(FakeCloud(), concurrency=2)
    async with connected(desk) as connection:
        desk.gate.clear()
        for number in range(200):
            connection.say(delivery(number))
        await connection.hear(Heartbeat, 5)
        assert connection.unread > 100
        desk.gate.set()
        await connection.hear(Result, 200)
        assert not connection.unread
        await connection.settle(200)


@virtually
async def test_a_stop_goes_on_reading_for_what_is_in_flight() -> None:
    desk = Desk(FakeCloud(), concurrency=2)
    async with connected(desk) as connection:
        desk.gate.clear()
        connection.say(*map(delivery, range(200)))
        connection.say(Heartbeat())
        await connection.hear(Heartbeat)
        assert connection.unread
        desk.listener.stop()
        await asyncio.sleep(1)
        assert not connection.unread
        desk.gate.set()
        await connection.settle(2)


@virtually
async def test_output_without_room_holds_up_the_forwarding_and_not_the_tunnel() -> None:
    desk = Desk(FakeCloud())
    async with connected(desk) as connection:
        desk.room.clear()
        connection.say(delivery(1))
        await connection.hear(Heartbeat, 2)
        assert desk.forwarding == []
        desk.room.set()
        await connection.settle()


@virtually
async def test_many_large_results_go_in_messages_that_the_cloud_takes() -> None:
    desk = Desk(FakeCloud(), concurrency=100)
    desk.body = b"x" * 16384
    async with connected(desk) as connection:
        connection.say(*map(delivery, range(100)))
        await connection.settle(100)
        sizes = [
            sum(len(frame.body) for frame in message if isinstance(frame, Result)) for message in connection.messages
        ]
        assert max(sizes) <= MESSAGE_BYTES + len(desk.body)


@virtually
async def test_a_cloud_that_reads_nothing_any_more_is_left() -> None:
    desk = Desk(FakeCloud())
    async with connected(desk) as connection:
        connection.reading.clear()
        for _ in range(5):
            await asyncio.sleep(4)
            connection.say(Heartbeat())
        assert [gone.reason for gone in desk.of(Disconnected)] == ["the cloud doesn't read"]
        await (await desk.cloud.connection()).welcome(resumed=True)


@virtually
async def test_a_cloud_that_says_nothing_any_more_is_left() -> None:
    desk = Desk(FakeCloud())
    async with connected(desk) as connection:
        await asyncio.sleep(15)
        assert connection.closed
        assert [gone.reason for gone in desk.of(Disconnected)] == ["nothing heard for 12 s"]
        await (await desk.cloud.connection()).welcome(resumed=True)
