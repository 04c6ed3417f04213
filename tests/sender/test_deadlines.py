"""Deadlines on a loop that only takes notes of its timers."""

import asyncio
from collections.abc import Callable
from typing import cast

from cstar_cli.sender.deadlines import Deadlines


class Timers:
    """As much of an event loop as sets timers, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.set: list[float] = []
        self._call: Callable[[], object] | None = None

    def call_later(self, delay: float, call: Callable[..., object], *args: object) -> "Timers":
        self.set.append(self.now + delay)
        self._call = lambda: call(*args)
        return self

    def cancel(self) -> None:
        self._call = None

    def run_at(self, now: float) -> None:
        """Let the timer that stands ring."""
        self.now = now
        call, self._call = self._call, None
        assert call
        call()


class Exchange:
    def __init__(self) -> None:
        self.expired = 0

    def expire(self) -> None:
        self.expired += 1


def make() -> tuple[Deadlines, Timers, asyncio.AbstractEventLoop]:
    timers = Timers()
    return Deadlines(lambda: timers.now), timers, cast(asyncio.AbstractEventLoop, timers)


def test_a_thousand_exchanges_that_end_in_time_set_one_timer() -> None:
    deadlines, timers, loop = make()
    for number in range(1000):
        exchange = Exchange()
        deadlines.watch(exchange, 10 + number / 1000, loop)
        deadlines.forget(exchange)
    assert timers.set == [10]


def test_what_is_still_watched_when_the_timer_rings_expires_at_its_own_time() -> None:
    deadlines, timers, loop = make()
    first, second = Exchange(), Exchange()
    deadlines.watch(first, 10, loop)
    deadlines.watch(second, 11, loop)
    timers.run_at(10)
    assert (first.expired, second.expired, timers.set) == (1, 0, [10, 11])
    timers.run_at(11)
    assert (first.expired, second.expired, timers.set) == (1, 1, [10, 11])


def test_a_deadline_before_all_others_moves_the_timer() -> None:
    deadlines, timers, loop = make()
    late, soon = Exchange(), Exchange()
    deadlines.watch(late, 10, loop)
    deadlines.watch(soon, 2, loop)
    timers.run_at(2)
    assert (late.expired, soon.expired, timers.set) == (0, 1, [10, 2, 10])


def test_a_timer_that_rings_early_expires_nothing() -> None:
    deadlines, timers, loop = make()
    exchange = Exchange()
    deadlines.watch(exchange, 10, loop)
    timers.run_at(9.999)
    assert (exchange.expired, len(timers.set)) == (0, 2)


def test_one_that_expires_may_end_another() -> None:
    deadlines, timers, loop = make()
    other = Exchange()

    class Ending(Exchange):
        def expire(self) -> None:
            deadlines.forget(other)

    deadlines.watch(Ending(), 10, loop)
    deadlines.watch(other, 10, loop)
    timers.run_at(10)
    assert other.expired == 0
