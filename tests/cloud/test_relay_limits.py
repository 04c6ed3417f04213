"""What a relay bears: windows, leases, silence, slowness, and listeners that talk nonsense."""

import asyncio
from contextlib import suppress
from pathlib import Path

from cstar_cli.cloud.beat import TICK_S
from cstar_cli.protocol.frames import (
    Delivery,
    Heartbeat,
    Refused,
    Settled,
)
from cstar_cli.protocol.relay import LEASE_S, MAX_UNSETTLED_BYTES

from .hurry import hurried_loop
from .relaying import Room, append, hello, result, run
from .store.making import session

MIB = 1024 * 1024
GARBAGE = (b"\xff\xfe", b"{}\n", b'{"type":"result"}\n', b'{"type":"x","body_bytes":9}\n', b"[" * 9999 + b"\n")


def test_no_more_than_the_window_is_pushed_until_results_come(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await room.opened(window=3)
        stored = await append(room, 5)
        assert await pipe.hear_deliveries(3) == stored[:3]
        pipe.say(result(stored[0]))
        assert await pipe.hear() == [Settled((stored[0],))]
        assert await pipe.hear_deliveries(1) == [stored[3]]

    run(tmp_path, check)


def test_whoever_does_not_say_hello_first_is_told_so(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(Heartbeat())
        assert await pipe.hear() == [Refused("say hello first", retry=False)]
        assert (await ended).code == 1008
        assert await room.open() == []

    run(tmp_path, check)


def test_a_filter_that_is_none_is_refused_for_good(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello(events=["Not A Filter"]))
        [refused] = await pipe.hear()
        assert isinstance(refused, Refused)
        assert (refused.message[:14], refused.retry) == ("'Not A Filter'", False)
        assert (await ended).code == 1008

    run(tmp_path, check)


def test_garbage_ends_the_tunnel_and_nothing_else(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        healthy, _ = await room.opened()
        for garbage in (
            b"\xff\xfe",
            b"{}\n",
            b'{"type":"result"}\n',
            b'{"type":"x","body_bytes":9}\n',
            b"[" * 9999 + b"\n",
        ):
            pipe, ended = room.connect()
            pipe.say(hello(events=["boss.*"]))
            await pipe.hear()
            pipe.say_bytes(garbage)
            gone = await ended
            assert gone.code == 1008
            assert len(gone.reason.encode()) <= 123
        stored = await append(room, 1)
        assert await healthy.hear_deliveries(1) == stored

    run(tmp_path, check)


def test_an_empty_message_and_unknown_frames_are_passed_over(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await room.opened()
        for message in (
            b"",
            b'{"type":"confetti"}\n',
            b'{"type":"welcome","session_id":"s","resumed":true,"waiting":0}\n',
        ):
            pipe.say_bytes(message)
        stored = await append(room, 1)
        assert await pipe.hear_deliveries(1) == stored

    run(tmp_path, check)


def test_a_lease_that_runs_out_is_pushed_again(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await room.opened()
        settled, unanswered = await append(room, 2)
        await pipe.hear(2)
        pipe.say(result(settled))
        await pipe.hear()
        for _ in range(int(LEASE_S / TICK_S)):
            pipe.say(Heartbeat())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            room.pass_time(TICK_S)
            await asyncio.sleep(0)
        assert await pipe.hear_deliveries(1) == [unanswered]

    run(tmp_path, check)


def test_a_silent_listener_is_hung_up(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello())
        await pipe.hear()
        room.pass_time(12.0)
        assert (await ended).reason == "nothing heard for 12 s"

    run(tmp_path, check)


def test_whoever_never_says_a_word_is_hung_up(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        _, ended = room.connect()
        await asyncio.sleep(0)
        room.pass_time(12.0)
        assert (await ended).reason == "nothing heard for 12 s"

    run(tmp_path, check)


def test_a_listener_that_does_not_read_is_hung_up(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect_in_loop_time()
        pipe.say(hello())
        await pipe.hear()
        pipe.get_stuck()
        await append(room, 1)
        while not ended.done():
            pipe.say(Heartbeat())
            await asyncio.sleep(1.0)
        assert ended.result().reason == "the listener doesn't read"

    run(tmp_path, check, hurried_loop)


def test_a_listener_that_reads_again_gets_what_has_waited(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await room.opened()
        pipe.get_stuck()
        stored = await append(room, 2)
        await room.open()
        assert pipe.sent_bytes() == 0
        pipe.read_on()
        assert (await pipe.hear_deliveries(3))[:2] == stored

    run(tmp_path, check)


def test_an_idle_tunnel_is_one_task(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        others = len(asyncio.all_tasks())
        pipes = [(await room.opened())[0] for _ in range(3)]
        await append(room, 1)
        for pipe in pipes:
            [delivery] = await pipe.hear()
            assert isinstance(delivery, Delivery)
            pipe.say(result(delivery.delivery_id))
            await pipe.hear()
        await room.until_idle(others + len(pipes))

    run(tmp_path, check)


def test_a_listener_that_does_not_answer_costs_bounded_memory(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await room.opened(window=1024)
        await append(room, 24, body=b"x" * MIB)
        pushed = await pipe.hear(MAX_UNSETTLED_BYTES // MIB)
        for _ in range(50):
            await room.store.backlog(await session(room.store, "boss.*"), ())
        assert pipe.sent_bytes() == 0
        assert isinstance(pushed[0], Delivery)
        pipe.say(result(pushed[0].delivery_id))
        assert [type(frame) for frame in await pipe.hear(2)] == [Settled, Delivery]

    run(tmp_path, check)


def test_a_listener_that_does_not_read_slows_nobody(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        slow, slow_id = await room.opened(window=1024)
        slow.get_stuck()
        fast, _ = await room.opened(window=1024)
        stored = await append(room, 24, body=b"x" * MIB)
        got: list[str] = []
        while len(got) < 24:
            [frame] = await fast.hear()
            if isinstance(frame, Delivery):
                got.append(frame.delivery_id)
                fast.say(result(frame.delivery_id))
        assert got == [one for one in stored if one in got]
        assert slow_id in await room.open()

    run(tmp_path, check)


def test_a_session_that_could_not_be_welcomed_is_away_and_not_lost(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello())
        while not room.sessions.connected:  # noqa: ASYNC110 (the moment between has no event)
            await asyncio.sleep(0)
        ended.cancel()
        with suppress(asyncio.CancelledError):
            await ended
        assert (room.sessions.connected, room.store.wakeups.waiting) == (0, 0)

    run(tmp_path, check)
