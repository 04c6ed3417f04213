"""A tunnel whose listener wants what fails to be tried again: by the schedule, over any connection, without a poll."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cstar_cli.cloud.node import Node
from cstar_cli.cloud.options import DeliveryPolicy
from cstar_cli.cloud.relay import Relay
from cstar_cli.cloud.retries import SessionRetries
from cstar_cli.protocol.frames import Delivery, Settled, Welcome

from .relaying import HandBeat, Pipe, Room, append, hello, result, run
from .store.making import T0_MS, TEAM

SPEED = 60.0
WAITS_MS = (1000, 5000, 30_000)


class CountingLoop(asyncio.SelectorEventLoop):
    """One whose alarms go off when a test says so, and are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.alarms: list[tuple[float, asyncio.TimerHandle, Callable[..., object]]] = []

    def call_at(  # type: ignore[override]  # its types are too narrow to name
        self, when: float, callback: Callable[..., object], *args: Any, **options: Any
    ) -> asyncio.TimerHandle:
        if getattr(callback, "__name__", "") != "_ring":
            return super().call_at(when, callback, *args, **options)
        handle = asyncio.TimerHandle(when, callback, args, self)
        self.alarms.append((when - self.time(), handle, callback))
        return handle

    def ring(self) -> None:
        alarms, self.alarms = self.alarms, []
        for _, handle, callback in alarms:
            if not handle.cancelled():
                callback()

    def waits_s(self) -> list[float]:
        return [round(wait_s, 1) for wait_s, handle, _ in self.alarms if not handle.cancelled()]


def loop() -> CountingLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, CountingLoop)
    return running


def connect(room: Room) -> Pipe:
    """A relay of a node whose chance adds nothing to a wait."""
    retries = SessionRetries(DeliveryPolicy(), lambda: T0_MS, lambda: 0.0)
    node = Node(room.store, room.sessions, lambda: room.now, beat=HandBeat(), retries=retries)
    pipe = Pipe()
    pipe.relay = Relay(pipe, TEAM, node)
    room.keep(asyncio.ensure_future(pipe.relay.run()))
    return pipe


async def opened(room: Room, session_id: str | None = None, *holding: str) -> tuple[Pipe, Welcome]:
    pipe = connect(room)
    pipe.say(hello(session_id, *holding, retry_speed=SPEED))
    [welcome] = await pipe.hear()
    assert isinstance(welcome, Welcome)
    return pipe, welcome


async def attempt_of(pipe: Pipe) -> tuple[str, int]:
    [frame] = await pipe.hear()
    assert isinstance(frame, Delivery), frame
    return frame.delivery_id, frame.attempt


async def with_a_failure(room: Room) -> tuple[Pipe, str, str]:
    """A tunnel at which a delivery has failed once, its session and the delivery."""
    pipe, welcome = await opened(room)
    [delivery_id] = await append(room, 1)
    assert await attempt_of(pipe) == (delivery_id, 1)
    pipe.say(result(delivery_id, succeeded=False))
    assert await pipe.hear() == [Settled((delivery_id,), {delivery_id: room.clock.now_ms + WAITS_MS[0]})]
    return pipe, welcome.session_id, delivery_id


def test_the_welcome_says_what_the_waits_are(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        _, welcome = await opened(room)
        assert welcome.retry_waits_ms == WAITS_MS
        plain, _ = room.connect()
        plain.say(hello())
        [plainly] = await plain.hear()
        assert isinstance(plainly, Welcome)
        assert plainly.retry_waits_ms is None

    run(tmp_path, check, CountingLoop)


def test_what_fails_comes_again_at_each_of_its_times_and_then_no_more(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _, delivery_id = await with_a_failure(room)
        for attempt, (wait_ms, next_ms) in enumerate(zip(WAITS_MS, (*WAITS_MS[1:], None), strict=True), 2):
            assert loop().waits_s() == [wait_ms / 1000]
            await room.clock.advance(wait_ms)
            loop().ring()
            assert await attempt_of(pipe) == (delivery_id, attempt)
            pipe.say(result(delivery_id, succeeded=False, attempt=attempt))
            retries = {} if next_ms is None else {delivery_id: room.clock.now_ms + next_ms}
            assert await pipe.hear() == [Settled((delivery_id,), retries)]
        assert loop().waits_s() == []
        assert [outcome for outcome, _ in await room.outcomes()] == ["failed"] * 4

    run(tmp_path, check, CountingLoop)


def test_nothing_is_set_for_a_tunnel_that_has_nothing_waiting(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await opened(room)
        [delivery_id] = await append(room, 1)
        await pipe.hear()
        pipe.say(result(delivery_id))
        await pipe.hear()
        await append(room, 1)
        await pipe.hear()
        assert loop().alarms == []

    run(tmp_path, check, CountingLoop)


def test_a_tunnel_has_one_alarm_however_much_waits(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await opened(room)
        stored = await append(room, 5)
        await pipe.hear(5)
        for delivery_id in stored:
            pipe.say(result(delivery_id, succeeded=False))
            await pipe.hear()
        assert loop().waits_s() == [1.0]

    run(tmp_path, check, CountingLoop)


def test_an_alarm_that_is_early_is_set_again(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _, delivery_id = await with_a_failure(room)
        await room.clock.advance(700)
        loop().ring()
        await until(lambda: loop().waits_s() == [0.3])
        await room.clock.advance(300)
        loop().ring()
        assert await attempt_of(pipe) == (delivery_id, 2)

    run(tmp_path, check, CountingLoop)


def test_a_session_that_goes_on_over_another_connection_keeps_its_retries(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, session_id, delivery_id = await with_a_failure(room)
        pipe.cut()
        await until(lambda: loop().waits_s() == [])
        pipe, welcome = await opened(room, session_id)
        assert (welcome.resumed, welcome.waiting) == (True, 0)
        await until(lambda: loop().waits_s() == [1.0])
        await room.clock.advance(1000)
        loop().ring()
        assert await attempt_of(pipe) == (delivery_id, 2)

    run(tmp_path, check, CountingLoop)


def test_what_came_due_while_the_listener_was_away_comes_at_once(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, session_id, delivery_id = await with_a_failure(room)
        pipe.cut()
        await room.clock.advance(2000)
        pipe, _ = await opened(room, session_id)
        assert await attempt_of(pipe) == (delivery_id, 2)

    run(tmp_path, check, CountingLoop)


def test_a_result_whose_settlement_was_lost_is_told_again_with_its_retry(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, session_id, delivery_id = await with_a_failure(room)
        pipe.cut()
        at_ms = room.clock.now_ms + WAITS_MS[0]
        await room.clock.advance(2000)
        pipe, welcome = await opened(room, session_id, delivery_id)
        assert welcome.waiting == 0
        pipe.say(result(delivery_id, succeeded=False))
        assert await pipe.hear() == [Settled((delivery_id,), {delivery_id: at_ms})]
        loop().ring()
        assert await attempt_of(pipe) == (delivery_id, 2)
        assert len(await room.outcomes()) == 1

    run(tmp_path, check, CountingLoop)


def test_a_result_told_twice_says_nothing_of_the_attempt_that_follows(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _, delivery_id = await with_a_failure(room)
        await room.clock.advance(1000)
        loop().ring()
        assert await attempt_of(pipe) == (delivery_id, 2)
        [other] = await append(room, 1)
        await pipe.hear()
        pipe.say(result(delivery_id, succeeded=False), result(other))
        assert await pipe.hear() == [Settled((other,))]
        pipe.say(result(delivery_id, attempt=2))
        assert await pipe.hear() == [Settled((delivery_id,))]

    run(tmp_path, check, CountingLoop)


def test_a_retry_by_hand_comes_at_once(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _, delivery_id = await with_a_failure(room)
        await room.store.queue.retry(TEAM, delivery_id)
        assert await attempt_of(pipe) == (delivery_id, 2)

    run(tmp_path, check, CountingLoop)


def test_without_a_wish_for_retries_a_failure_is_final(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await room.opened()
        [delivery_id] = await append(room, 1)
        await pipe.hear()
        pipe.say(result(delivery_id, succeeded=False))
        assert await pipe.hear() == [Settled((delivery_id,))]
        found = await room.store.delivery(TEAM, delivery_id)
        assert found
        assert found.status == "failed"

    run(tmp_path, check)


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 (an alarm that is set is no event)
        await asyncio.sleep(0.001)
