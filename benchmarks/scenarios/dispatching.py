"""Deliveries a second of a node's full loop (claim, sign, post, record), with little or much waiting behind."""

import asyncio
import time

from benchmarks.bench import Bench
from benchmarks.databases import POSTGRES, SQLITE, database, fill
from benchmarks.mock.receiver import Counter, receiving
from benchmarks.node import home_of, serving

TITLE = "Delivery loop, 20 webhooks, 512-byte events"
WEBHOOKS = 20
DELIVERIES = 10_000
EVERY_ROUND = 100_000  # a larger backlog takes minutes to make: it has its turn in the first round


async def run_round(bench: Bench) -> None:
    await bench.limit()
    for kind in (SQLITE, POSTGRES):
        for backlog in bench.effort.backlogs:
            if backlog <= EVERY_ROUND or bench.round_number == 0:
                subject = kind if backlog == bench.effort.backlogs[0] else f"{kind}, backlog of {backlog:,}"
                with bench.measuring(subject):
                    await _deliver(bench, subject, kind, backlog)


async def _deliver(bench: Bench, subject: str, kind: str, backlog: int) -> None:
    """Time the middle of a row of deliveries: neither the node's start nor the end of the backlog."""
    first, last = backlog_part(backlog)
    got = Counter()
    async with database(kind) as (folder, name), receiving(got) as url:
        await fill(name, home_of(folder).profile().team_id, [url] * WEBHOOKS, backlog)
        async with serving(folder, name) as node, asyncio.timeout(300):
            await got.reach(first)
            started, before, cpu_s = time.perf_counter(), got.count, node.process.cpu_s()
            await got.reach(last)
            cpu_s, elapsed_s = node.process.cpu_s() - cpu_s, time.perf_counter() - started
            bench.add(subject, "deliveries/s", (got.count - before) / elapsed_s)
            bench.add(subject, "CPU µs a delivery", cpu_s / (got.count - before) * 1e6)
            bench.add(subject, "node's core %", cpu_s / elapsed_s * 100)
            bench.add(subject, "memory MB", node.process.memory_mb())


def backlog_part(backlog: int) -> tuple[int, int]:
    """Return the first and the last delivery of those that are timed."""
    deliveries = min(backlog, DELIVERIES)
    return deliveries // 10, deliveries * 9 // 10
