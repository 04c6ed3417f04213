"""One heartbeat for all tunnels of a node."""

import asyncio
from collections.abc import Callable

TICK_S = 2.5
GROUPS = 50

Tick = Callable[[], None]


class Beat:
    """Calls everyone who has joined each `TICK_S`, in groups one after the other.

    A timer for each tunnel would cost as much as the tunnel's own state; all of them at once would be one long turn.
    """

    def __init__(self) -> None:
        self._groups: list[dict[Tick, None]] = [{} for _ in range(GROUPS)]
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._joined = 0

    def join(self, tick: Tick) -> None:
        """Have it called from now on."""
        number = self._joined % GROUPS
        self._joined += 1
        self._groups[number][tick] = None
        if number not in self._timers:
            self._schedule(number)

    def leave(self, tick: Tick) -> None:
        """Have it called no more."""
        for number, group in enumerate(self._groups):
            group.pop(tick, None)
            if not group and number in self._timers:
                self._timers.pop(number).cancel()

    def _schedule(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        phase = number * TICK_S / GROUPS
        turns = (loop.time() - phase) // TICK_S + 1
        self._timers[number] = loop.call_at(turns * TICK_S + phase, self._call, number)

    def _call(self, number: int) -> None:
        self._schedule(number)
        for tick in tuple(self._groups[number]):
            tick()
