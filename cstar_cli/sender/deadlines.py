"""When exchanges must have ended."""

import asyncio
import math
from collections.abc import Callable
from typing import Protocol

Clock = Callable[[], float]
"""Seconds, monotonic. Not the loop's own: uvloop's stands still within a turn and moves in whole milliseconds."""


class Expiring(Protocol):
    """What has a time to end at."""

    def expire(self) -> None: ...


class Deadlines:
    """Lets what is watched expire once its time has come, unless it is forgotten before.

    One timer serves all: setting and cancelling one at each exchange would be paid on each event. It is left standing
    when what it was set for ends in time, and then looks for the next.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[Expiring, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf

    def watch(self, what: Expiring, deadline: float, loop: asyncio.AbstractEventLoop) -> None:
        """Let it expire when the clock shows the deadline."""
        self._due[what] = deadline
        if deadline < self._timer_at:
            self._set_timer(deadline, loop)

    def forget(self, what: Expiring) -> None:
        """Let it be."""
        self._due.pop(what, None)

    def close(self) -> None:
        """Let go of the timer."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, math.inf

    def _set_timer(self, at: float, loop: asyncio.AbstractEventLoop) -> None:
        self.close()
        self._timer_at = at
        self._timer = loop.call_later(at - self._clock(), self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self.close()
        now = self._clock()
        for what in [what for what, deadline in self._due.items() if deadline <= now]:
            if self._due.pop(what, None) is not None:  # an earlier one may have ended it
                what.expire()
        if self._due:
            self._set_timer(min(self._due.values()), loop)
