"""What a node does now and then: ends lost sessions, removes what is past its retention, caps waits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn

import msgspec

from cstar_cli.cloud import logs
from cstar_cli.cloud.options import HOUR_S, MINUTE_S
from cstar_cli.cloud.sessions import Sessions
from cstar_cli.cloud.store.interface import Store, StoreUnavailable

SWEEP_S = 1.0
SLEPT_MS = 5000  # a sweep that comes so late says that the machine has slept
CAP_S = MINUTE_S
FORGET_S = HOUR_S
FORGETS_A_RETENTION = 10  # nothing is kept much longer than it is to be
FIRST_FORGET_S = 10.0
FORGET_BATCH = 200
FORGET_PAUSE_S = 0.1  # lets what is urgent go between two batches

Sleep = Callable[[float], Awaitable[None]]


class Upkeep(msgspec.Struct, frozen=True):
    """Runs beside the deliveries of a node until it is cancelled, and bears a store that is away.

    `longest_waits_ms` are the longest that deliveries wait for a retry, by wire version; `now_ms` is the store's idea
    of the time.
    """

    store: Store
    sessions: Sessions
    retention_s: float
    longest_waits_ms: Mapping[str | None, int]
    now_ms: Callable[[], int]
    sleep: Sleep = asyncio.sleep

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep())
            group.create_task(self._cap())
            group.create_task(self._forget())

    async def _sweep(self) -> NoReturn:
        """Sweep the sessions; being what asks the store most often, it also says in the log when that is away."""
        away = False
        while True:
            asleep_at_ms = self.now_ms()
            await self.sleep(SWEEP_S)
            if self.now_ms() - asleep_at_ms > SWEEP_S * 1000 + SLEPT_MS:
                self.store.wakeups.wake_all()  # timers stood still: let everyone look what has come due
            try:
                await self.sessions.sweep()
            except StoreUnavailable as error:
                if not away:
                    logs.warning("store away", doing="upkeep", error=str(error))
                away = True
            else:
                if away:
                    logs.info("store back", doing="upkeep")
                away = False

    async def _cap(self) -> NoReturn:
        while True:
            for wire, longest_ms in self.longest_waits_ms.items():
                await _bear(self.store.queue.cap_waits(longest_ms, wire))
            await self.sleep(CAP_S)

    async def _forget(self) -> NoReturn:
        await self.sleep(FIRST_FORGET_S)
        while True:
            await _bear(self._forget_old())
            await self.sleep(min(FORGET_S, self.retention_s / FORGETS_A_RETENTION))

    async def _forget_old(self) -> None:
        forgotten = 0
        while batch := await self.store.forget(self.now_ms() - round(self.retention_s * 1000), FORGET_BATCH):
            forgotten += batch
            await self.sleep(FORGET_PAUSE_S)
        if forgotten:
            logs.info("events removed", count=forgotten)


async def _bear(work: Awaitable[None]) -> None:
    """Do it, or leave it to the next time when the store is away."""
    try:
        await work
    except StoreUnavailable:
        return
