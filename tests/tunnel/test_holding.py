"""The application away: events wait, are delivered in order when it is back, and that is told once."""

import asyncio

import pytest
from msgspec.structs import replace

from cstar_cli.activity import Down, Finishing, Forwarded, Ready, Summary, Up
from cstar_cli.events.envelope import parse_iso
from cstar_cli.protocol.frames import Bye, Heartbeat, Result
from cstar_cli.protocol.listener import QUEUED_BEYOND_SLOTS
from cstar_cli.tunnel.watch import CLOSING_S, LONGEST_PAUSE_S, MOST_BREAKS

from .fakes import Desk, FakeCloud, FakeConnection, connected, delivery
from .virtual_time import virtually


def ids(*numbers: int) -> list[str]:
    return [f"dlv_{number}" for number in numbers]


def told(desk: Desk) -> list[tuple[str, int | str | None]]:
    """Return what was said of the application: when it is away the hint, when it is back how many waited."""
    return [
        ("down", each.hint) if isinstance(each, Down) else ("up", each.waited)
        for each in desk.seen
        if isinstance(each, Down | Up)
    ]


@virtually
async def test_events_wait_while_it_refuses_and_go_out_in_their_order_when_it_answers() -> None:
    desk = Desk(FakeCloud(), concurrency=3)
    async with connected(desk) as connection:
        await asyncio.sleep(1)
        desk.down = True
        connection.say(*map(delivery, (4, 2, 5, 1, 3)))
        [down] = await desk.see(Down)
        assert (down.place, down.forward_to, down.hint) == ("app:80", "http://app", "look elsewhere")
        await asyncio.sleep(9)
        assert sorted(desk.forwarding) == ids(2, 4, 5)
        desk.down = False
        desk.forwarding.clear()
        await connection.settle(5)
        assert desk.forwarding == ids(4, 2, 5, 1, 3)
        assert told(desk) == [("down", "look elsewhere"), ("up", 5)]
        assert [line.outcome for line in desk.of(Forwarded)] == ["succeeded"] * 5


@virtually
async def test_no_event_is_used_to_find_out_and_the_looks_grow_apart() -> None:
    desk = Desk(FakeCloud())
    async with connected(desk) as connection:
        await asyncio.sleep(1)
        desk.down = True
        desk.looked_at.clear()
        connection.say(delivery(1))
        await desk.see(Down)
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(9)
        assert desk.forwarding == ids(1)
        pauses = [later - earlier for earlier, later in zip([began, *desk.looked_at], desk.looked_at, strict=False)]
        assert pauses[:6] == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, LONGEST_PAUSE_S])
        assert pauses[6:] == pytest.approx([LONGEST_PAUSE_S] * 6)
        desk.down = False
        await connection.settle()


@virtually
async def test_that_it_is_away_at_the_start_is_said_before_any_event_comes() -> None:
    desk = Desk(FakeCloud())
    desk.down = True
    async with connected(desk) as connection:
        await desk.see(Down)
        assert [type(each) for each in desk.seen] == [Ready, Down]
        desk.down = False
        [up] = await desk.see(Up)
        assert (up.waited, up.again) == (0, False)
        connection.say(delivery(1))
        await connection.settle()
        assert desk.forwarding == ids(1)


@virtually
async def test_when_it_is_there_at_the_start_nothing_is_said() -> None:
    desk = Desk(FakeCloud())
    async with connected(desk):
        await asyncio.sleep(9)
        assert len(desk.looked_at) == 1
        assert told(desk) == []


@virtually
async def test_what_it_broke_off_as_it_ended_is_sent_again_when_it_is_back() -> None:
    desk = Desk(FakeCloud(), concurrency=2)
    async with connected(desk) as connection:
        desk.gate.clear()
        connection.say(*map(delivery, (1, 2, 3)))
        await asyncio.sleep(1)
        desk.down = True
        desk.gate.set()
        await desk.see(Down)
        desk.down = False
        await connection.settle(3)
        assert desk.forwarding == ids(1, 2, 1, 2, 3)
        assert told(desk) == [("down", "look elsewhere"), ("up", 3)]
        assert [line.outcome for line in desk.of(Forwarded)] == ["succeeded"] * 3


@virtually
async def test_an_application_may_close_its_port_a_moment_after_its_connections() -> None:
    desk = Desk(FakeCloud())
    desk.broken_off = {"dlv_1"}
    async with connected(desk) as connection:
        await asyncio.sleep(1)
        desk.gate.clear()
        connection.say(delivery(1))
        await asyncio.sleep(1)
        desk.gate.set()
        await asyncio.sleep(CLOSING_S / 2)
        desk.down = True
        await desk.see(Down)
        desk.down, desk.broken_off = False, set()
        await connection.settle()
        assert desk.forwarding == ids(1, 1)
        assert [line.outcome for line in desk.of(Forwarded)] == ["succeeded"]


@virtually
async def test_what_is_broken_off_by_one_that_is_still_there_has_failed() -> None:
    desk = Desk(FakeCloud())
    desk.broken_off = {"dlv_1"}
    async with connected(desk) as connection:
        desk.gate.clear()
        connection.say(delivery(1))
        await asyncio.sleep(1)
        desk.gate.set()
        [result] = await connection.hear(Result)
        assert (result.succeeded, result.error) == (False, "broken")
        assert told(desk) == []
        await connection.settle()
        assert [failed.hint for failed in desk.of(Forwarded)] == ["try https"]


@virtually
async def test_an_event_that_it_dies_of_fails_in_the_end() -> None:
    desk = Desk(FakeCloud(), concurrency=1)
    async with connected(desk) as connection:
        desk.gate.clear()
        connection.say(delivery(1), delivery(2))
        for times in range(1, MOST_BREAKS):
            await asyncio.sleep(1)
            desk.down = True
            desk.gate.set()
            await desk.see(Down, times)
            desk.gate.clear()
            desk.down = False
            await desk.see(Up, times)
        desk.broken_off = {"dlv_1"}
        desk.gate.set()
        await connection.settle(2)
        assert desk.forwarding == ids(*[1] * MOST_BREAKS, 2)
        assert [line.outcome for line in desk.of(Forwarded)] == ["failed", "succeeded"]


@virtually
async def test_without_holding_what_is_refused_fails_with_a_hint() -> None:
    desk = Desk(FakeCloud(), holds=False)
    desk.down = True
    async with connected(desk) as connection:
        connection.say(delivery(1))
        [result] = await connection.hear(Result)
        [line] = await desk.see(Forwarded)
        assert (result.error, line.error, line.hint) == ("refused", "refused", "look elsewhere")
        assert (told(desk), desk.looked_at) == ([], [])
        await connection.settle()


@virtually
async def test_what_may_help_is_said_once_however_many_events_are_refused() -> None:
    desk = Desk(FakeCloud(), holds=False)
    _, connection = await start(desk)
    desk.down = True
    connection.say(delivery(1))
    await desk.see(Forwarded)
    connection.say(delivery(2), delivery(3))
    assert [line.hint for line in await desk.see(Forwarded, 3)] == ["look elsewhere", None, None]


@virtually
async def test_a_stop_while_it_is_away_ends_at_once_and_counts_what_waited() -> None:
    desk = Desk(FakeCloud(), concurrency=2)
    running, connection = await start(desk)
    desk.down = True
    connection.say(*map(delivery, range(5)))
    await desk.see(Down)
    await asyncio.sleep(1)
    stopped_at = asyncio.get_running_loop().time()
    desk.listener.stop()
    assert await running == Summary(0, 0, 0, 0, held=5)
    assert asyncio.get_running_loop().time() == stopped_at
    assert connection.heard(Bye)
    assert desk.of(Finishing) == []


@virtually
async def test_a_stop_says_of_when_the_oldest_is_that_waited() -> None:
    desk = Desk(FakeCloud(), concurrency=1)
    running, connection = await start(desk)
    desk.down = True
    bodies = (b'{"created_at":"2025-12-10T14:30:02Z"}', b'{"created_at":"2025-12-10T14:30:01Z"}', b"no event's")
    connection.say(*(replace(delivery(number), body=body) for number, body in enumerate(bodies)))
    await desk.see(Down)
    desk.listener.stop()
    assert (await running).held_since_ms == parse_iso("2025-12-10T14:30:01Z")


@virtually
async def test_what_is_refused_while_it_ends_waited_too_and_is_no_failure() -> None:
    desk = Desk(FakeCloud(), concurrency=1)
    running, connection = await start(desk)
    desk.gate.clear()
    connection.say(delivery(1), delivery(2))
    await asyncio.sleep(1)
    desk.listener.stop()
    await asyncio.sleep(1)
    desk.down = True
    desk.gate.set()
    assert await running == Summary(0, 0, 0, 0, held=2)
    assert told(desk) == []


@virtually
async def test_it_is_away_for_an_hour_while_the_cloud_pushes_again_and_reconnects() -> None:
    desk = Desk(FakeCloud(), concurrency=2)
    async with connected(desk) as connection:
        await asyncio.sleep(1)
        desk.down = True
        window = [delivery(number) for number in range(2 + QUEUED_BEYOND_SLOTS)]
        connection.say(*window)
        await desk.see(Down)
        for minute in range(60):
            for _ in range(12):
                await asyncio.sleep(5)
                connection.say(Heartbeat())
            connection.say(*window)  # their leases have run out
            if minute == 30:
                connection.cut()
                connection = await desk.cloud.connection()
                hello = await connection.welcome(resumed=True)
                assert list(hello.holding) == [each.delivery_id for each in window]
        assert not connection.closed
        assert len(connection.heard(Heartbeat)) >= 28 * 12
        desk.forwarding.clear()
        desk.down = False
        await connection.settle(len(window))
        assert desk.forwarding == [each.delivery_id for each in window]
        [up] = desk.of(Up)
        assert (up.waited, up.more, up.again) == (len(window), True, True)
        assert len(desk.of(Down)) == 1


@virtually
async def test_a_stop_says_that_the_cloud_has_more_when_as_many_wait_as_may() -> None:
    desk = Desk(FakeCloud(), concurrency=1)
    running, connection = await start(desk)
    desk.down = True
    connection.say(*map(delivery, range(1 + QUEUED_BEYOND_SLOTS)))
    await desk.see(Down)
    desk.listener.stop()
    assert await running == Summary(0, 0, 0, 0, held=1 + QUEUED_BEYOND_SLOTS, held_more=True)


@virtually
async def test_at_a_breakpoint_for_an_hour_nothing_else_is_forwarded_and_a_stop_is_heeded() -> None:
    desk = Desk(FakeCloud(), concurrency=1)
    running, connection = await start(desk)
    desk.gate.clear()
    events = [delivery(number) for number in range(5)]
    for _ in range(60):
        connection.say(*events)  # their leases have run out
        for _ in range(12):
            await asyncio.sleep(5)
            connection.say(Heartbeat())
    assert (desk.forwarding, connection.closed) == (ids(0), False)
    stopped_at = asyncio.get_running_loop().time()
    desk.listener.stop()
    await desk.see(Finishing)
    desk.listener.stop()
    assert await running == Summary(0, 0, 0, 1, held=4)
    assert asyncio.get_running_loop().time() == stopped_at


async def start(desk: Desk) -> tuple[asyncio.Task[Summary], FakeConnection]:
    """Run the listener and let it in."""
    running = asyncio.create_task(desk.listener.run())
    connection = await desk.cloud.connection()
    await connection.welcome()
    await desk.see(Ready)
    await asyncio.sleep(1)
    return running, connection
