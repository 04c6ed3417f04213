"""What a scenario is given: how much to do, where, and where the figures go."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.figures import Figures, Key
from benchmarks.mock.stage import Stage, stage
from benchmarks.processes import Running, started
from benchmarks.tools import LIMIT, Tool

CONNECT_S = 15.0
SETTLE_S = 0.3
LIMIT_IN_FLIGHT = 32


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of everything: all of it, or as much as two minutes hold."""

    rounds: int
    turns: int  # that each tool has in a round, where they take short ones
    seconds: float  # of a load that is kept up
    paced: int  # events of a load at a steady pace
    burst: int
    starts: int  # of one command in a round
    backlogs: tuple[int, ...]  # deliveries that wait; the first is no backlog, only as many as are timed
    intake: int  # events posted
    logs: tuple[int, ...]  # events in the log
    idle: int  # tunnels
    webhooks: tuple[int, ...]
    sizes_kb: tuple[int, ...]  # of bodies
    tunnels: tuple[int, ...]


FULL = Effort(
    rounds=5,
    turns=6,
    seconds=3.0,
    paced=1_000,
    burst=100_000,
    starts=10,
    backlogs=(10_000, 100_000, 1_000_000),
    intake=60_000,
    logs=(100, 1_000, 10_000, 100_000, 1_000_000),
    idle=5_000,
    webhooks=(1, 10, 100, 1_000),
    sizes_kb=(1, 5, 20, 100, 1_000),
    tunnels=(1, 10, 100, 1_000, 5_000),
)
QUICK = Effort(
    rounds=1,
    turns=2,
    seconds=0.5,
    paced=60,
    burst=3_000,
    starts=2,
    backlogs=(4_000,),
    intake=4_000,
    logs=(100, 2_000),
    idle=500,
    webhooks=(1, 100),
    sizes_kb=(20, 100),
    tunnels=(1, 100),
)


TakeTurn = Callable[[Tool, Stage, Running], Awaitable[None]]


class Failed(Exception):
    """A subject couldn't be measured; the message says why."""


@dataclass(slots=True)
class Bench:
    """One scenario's view of a run."""

    scenario: str
    effort: Effort
    figures: Figures = field(default_factory=Figures)
    round_number: int = 0
    turn: int = 0

    def add(self, subject: str, metric: str, value: float) -> None:
        """Add a figure of this turn, or of the first one where a round has no turns."""
        number = self.round_number * self.effort.turns + self.turn
        self.figures.add(Key(self.scenario, subject, metric), number, value)

    def say(self, text: str) -> None:
        sys.stderr.write(f"  {self.scenario}, round {self.round_number + 1}: {text}\n")

    @contextmanager
    def measuring(self, subject: str) -> Iterator[None]:
        """Name in the table a subject that can't be measured, and go on with the others."""
        self.say(subject)
        with self.noting(subject):
            yield

    @contextmanager
    def noting(self, subject: str) -> Iterator[None]:
        """Do so without a word of its turn."""
        try:
            yield
        except (Failed, TimeoutError, OSError) as error:
            self.figures.absent[self.scenario, subject] = str(error) or "got stuck"
            self.say(f"{subject} failed: {error!r}")

    def has(self, tool: Tool, subject: str) -> bool:
        """Say whether a tool can be had; name its subject in the table where it can't."""
        if tool.missing:
            self.figures.absent[self.scenario, subject] = _missing(tool)
        return not tool.missing

    @asynccontextmanager
    async def listening(
        self, tool: Tool, body: bytes | None = None, settle_s: float = SETTLE_S
    ) -> AsyncIterator[tuple[Stage, Running]]:
        """Have a tool listen, connected and settled, between a mock of its service and a receiver."""
        if tool.missing:
            raise Failed(_missing(tool))
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            async with stage(tool.service, body) as made:
                with started(tool.listen(made.base, made.receiver), tool.environment(home), home) as process:
                    try:
                        async with asyncio.timeout(CONNECT_S):
                            await made.connected.wait()
                    except TimeoutError:
                        raise Failed(f"never connected: {process.output.read_text()[-500:]}") from None
                    await asyncio.sleep(settle_s)
                    yield made, process

    def turns(self) -> Iterator[int]:
        """Count a round's turns; what is added meanwhile is of the one that is on."""
        try:
            for self.turn in range(self.effort.turns):  # noqa: B020  # it is a field of it
                yield self.turn
        finally:
            self.turn = 0

    async def by_turns(self, tools: Sequence[Tool], take_turn: TakeTurn) -> None:
        """Have tools listen at the same time and take short turns, so that all have their share of a slow moment."""
        listening = {}
        for tool in tools:
            with self.measuring(tool.name):
                opened = AsyncExitStack()
                stage, process = await opened.enter_async_context(self.listening(tool))
                listening[tool.name] = opened, partial(take_turn, tool, stage, process)
        try:
            for _ in self.turns():
                for name, (opened, take) in [*listening.items()]:
                    with self.noting(name):
                        try:
                            await take()
                        except BaseException:
                            del listening[name]  # who fails has no other turn, and takes nothing of the others'
                            await opened.aclose()
                            raise
        finally:
            for name, (opened, _) in listening.items():
                with self.noting(name):
                    await opened.aclose()

    async def limit(self) -> None:
        """Measure the relay in C beside this scenario's figures: they scale with how fast the machine is just now."""
        with self.measuring(LIMIT.name):
            async with self.listening(LIMIT) as (made, _):
                await made.in_flight(LIMIT_IN_FLIGHT, self.effort.seconds / 6)
                rate = await made.in_flight(LIMIT_IN_FLIGHT, self.effort.seconds / 3)
                self.add(LIMIT.name, "relayed/s", rate.per_s)


def _missing(tool: Tool) -> str:
    return f"not to be had: {tool.program.name} is not installed"
