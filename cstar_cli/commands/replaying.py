"""Sends the deliveries of a recording again, each when it is due, and says what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from cstar_cli.recording.comparing import Difference
from cstar_cli.recording.format import Delivery
from cstar_cli.recording.resending import Again
from cstar_cli.sender.outcome import Failure, Outcome

NOBODY_THERE: Final = frozenset({Failure.REFUSED, Failure.DNS, Failure.UNREACHABLE, Failure.ADDRESS})


class Due(NamedTuple):
    """A delivery by where it stands in the file, and when it was sent."""

    at_ms: int
    number: int
    offset: int


class Pace(msgspec.Struct, frozen=True):
    """So many times faster than they were recorded, or with a `speed` of None without a pause; so many at once."""

    speed: float | None
    concurrency: int


class Replayed(msgspec.Struct, frozen=True):
    """A delivery that was sent again; `differences` is None where there was nothing to compare it with."""

    recorded: Delivery
    sent: Again
    started_at_ms: int
    outcome: Outcome
    differences: tuple[Difference, ...] | None = None
    hint: str | None = None

    @property
    def went_worse(self) -> bool:
        """Whether it failed, and had succeeded in the recording, or nobody knows."""
        then = self.recorded.answer
        return not self.outcome.succeeded and (then is None or then.error is None)


class Around(msgspec.Struct, frozen=True):
    """What replaying needs: the delivery at a place of the file, how to send it and tell of it, and a clock."""

    load: Callable[[Due], Delivery]
    send: Callable[[Delivery], Awaitable[Replayed]]
    report: Callable[[Replayed], None]
    clock: Callable[[], float]


class Replay:
    """One replay; `unreachable` is what came of a post when nobody was there, which ends it."""

    def __init__(self, around: Around, pace: Pace) -> None:
        self._around = around
        self._pace = pace
        self._slots = asyncio.Semaphore(pace.concurrency)
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.sent = 0
        self.unreachable: Outcome | None = None

    def stop(self) -> None:
        """Begin nothing more; a second call gives up what is in flight."""
        if self._stopped.is_set():
            for task in self._tasks:
                task.cancel()
        self._stopped.set()

    async def run(self, due: Sequence[Due]) -> None:
        """Send them all, in their order."""
        started, first_ms = self._around.clock(), due[0].at_ms if due else 0
        async with asyncio.TaskGroup() as group:
            for each in due:
                await self._until(started, each.at_ms - first_ms)
                await self._slots.acquire()
                if self._stopped.is_set():
                    break
                task = group.create_task(self._send(each))
                self._tasks.add(task)
                task.add_done_callback(self._ended)

    async def _until(self, started: float, after_ms: int) -> None:
        if self._pace.speed is None:
            return
        wait_s = after_ms / 1000 / self._pace.speed - (self._around.clock() - started)
        if wait_s > 0 and not self._stopped.is_set():
            try:
                async with asyncio.timeout(wait_s):
                    await self._stopped.wait()
            except TimeoutError:
                return

    async def _send(self, due: Due) -> None:
        replayed = await self._around.send(self._around.load(due))
        self.sent += 1
        if replayed.outcome.failure in NOBODY_THERE:
            self.unreachable = self.unreachable or replayed.outcome
            self._stopped.set()
        self._around.report(replayed)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()


def in_order(due: Iterable[Due]) -> list[Due]:
    """Return them as they were begun, whatever order they ended in."""
    return sorted(due, key=lambda each: (each.at_ms, each.number))
