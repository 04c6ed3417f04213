"""Deliveries a second of a node's full loop (claim, sign, post, record), with little or much waiting behind."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.databases import POSTGRES, SQLITE, database, fill
from benchmarks.mock.receiver import Counter, receiving
from benchmarks.node import Node, home_of, serving

TITLE = "Delivery loop, 20 webhooks, 512-byte events"
WEBHOOKS = 20
EVERY_ROUND = 100_000  # a larger backlog takes minutes to make: it has its turns in the first round
PATIENCE_S = 120


@dataclass(frozen=True, slots=True)
class _Loop:
    """A node that delivers what waits, and what has arrived."""

    subject: str
    node: Node
    got: Counter


async def run_round(bench: Bench) -> None:
    """Have nodes with a backlog take turns with new ones that have none, on both stores."""
    none, *backlogs = bench.effort.backlogs
    async with AsyncExitStack() as opened:
        loops = []
        for kind in (SQLITE, POSTGRES):
            for backlog in backlogs:
                if backlog <= EVERY_ROUND or bench.round_number == 0:
                    subject = f"{kind}, backlog of {backlog:,}"
                    with bench.measuring(subject):
                        loop = await opened.enter_async_context(_loop(subject, kind, backlog))
                        loop.node.process.stand_still()
                        loops.append(loop)
        for _ in bench.turns():
            await bench.limit()
            for kind in (SQLITE, POSTGRES):
                with bench.measuring(kind):
                    async with _loop(kind, kind, none) as loop:
                        await _take_turn(bench, loop)
            for loop in loops:
                with bench.measuring(loop.subject), loop.node.process.going_on():
                    await _take_turn(bench, loop)


@asynccontextmanager
async def _loop(subject: str, kind: str, waiting: int) -> AsyncIterator[_Loop]:
    got = Counter()
    async with database(kind) as (folder, name), receiving(got) as url:
        await fill(name, home_of(folder).profile().team_id, [url] * WEBHOOKS, waiting)
        async with serving(folder, name) as node:
            yield _Loop(subject, node, got)


async def _take_turn(bench: Bench, loop: _Loop) -> None:
    """Time the middle of a row of deliveries: neither the node's start nor the end of what waits."""
    tenth, got, process = bench.effort.backlogs[0] // 10, loop.got, loop.node.process
    async with asyncio.timeout(PATIENCE_S):
        await got.reach(got.count + tenth)
        started, before, cpu_s = time.perf_counter(), got.count, process.cpu_s()
        await got.reach(before + 8 * tenth)
        cpu_s, elapsed_s = process.cpu_s() - cpu_s, time.perf_counter() - started
    bench.add(loop.subject, "deliveries/s", (got.count - before) / elapsed_s)
    bench.add(loop.subject, "CPU µs a delivery", cpu_s / (got.count - before) * 1e6)
    bench.add(loop.subject, "node's core %", cpu_s / elapsed_s * 100)
    bench.add(loop.subject, "memory MB", process.memory_mb())
