"""One heartbeat for many, on a loop whose time runs many times as fast."""

import asyncio
from collections import Counter
from functools import partial

from cstar_cli.cloud.beat import GROUPS, TICK_S, Beat

from .hurry import hurried_loop

MANY = 3 * GROUPS


def test_everyone_who_has_joined_is_called_again_and_again() -> None:
    async def check() -> None:
        beat, calls = Beat(), Counter[int]()
        for number in range(MANY):
            beat.join(partial(calls.update, [number]))
        await asyncio.sleep(3 * TICK_S)
        assert len(calls) == MANY
        assert min(calls.values()) >= 2

    with asyncio.Runner(loop_factory=hurried_loop) as runner:
        runner.run(check())


def test_many_are_not_called_all_in_one_turn() -> None:
    async def check() -> None:
        beat, called, turn = Beat(), list[int](), 0
        for _ in range(MANY):
            beat.join(lambda: called.append(turn))
        while len(called) < MANY:
            await asyncio.sleep(TICK_S / GROUPS / 10)
            turn += 1
        assert max(Counter(called).values()) < MANY

    with asyncio.Runner(loop_factory=hurried_loop) as runner:
        runner.run(check())


def test_who_has_left_is_called_no_more() -> None:
    async def check() -> None:
        beat, calls = Beat(), list[str]()

        def leaving() -> None:
            calls.append("left")

        beat.join(leaving)
        beat.join(staying := partial(calls.append, "stayed"))
        beat.leave(leaving)
        await asyncio.sleep(2 * TICK_S)
        assert set(calls) == {"stayed"}
        beat.leave(staying)

    with asyncio.Runner(loop_factory=hurried_loop) as runner:
        runner.run(check())


def test_while_nobody_has_joined_there_is_no_timer() -> None:
    class Counting(asyncio.SelectorEventLoop):
        def timers(self) -> int:
            return sum(not timer.cancelled() for timer in self._scheduled)  # type: ignore[attr-defined]

    async def check() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Counting)
        beat = Beat()
        beat.join(print)
        assert loop.timers() == 1
        beat.leave(print)
        assert loop.timers() == 0

    with asyncio.Runner(loop_factory=Counting) as runner:
        runner.run(check())
