"""What idle tunnels cost a node, and how long one event takes to a thousand of them."""

import asyncio
import time

from benchmarks.bench import Bench
from benchmarks.databases import SQLITE, database
from benchmarks.mock.asking import asking, request
from benchmarks.mock.crowd import Crowd, crowd_at
from benchmarks.node import Node, serving
from benchmarks.scenarios.delay import percentile

TITLE = "Tunnels on one node"
LISTENERS = 1_000
EVENTS = 3
SETTLE_S = 2.0


async def run_round(bench: Bench) -> None:
    await bench.limit()
    with bench.measuring("idle"):
        async with database(SQLITE) as (folder, name), serving(folder, name) as node, crowd_at(node) as crowd:
            kb_each, _ = await join(node, crowd, bench.effort.idle)
            bench.add("idle", "tunnels", bench.effort.idle)
            bench.add("idle", "KB each", kb_each)
    with bench.measuring("one event to all"):
        async with database(SQLITE) as (folder, name), serving(folder, name) as node, crowd_at(node) as crowd:
            await join(node, crowd, LISTENERS)
            delays = [delay for _ in range(EVENTS) for delay in await one_event(node, crowd)]
            bench.add("one event to all", "tunnels", LISTENERS)
            bench.add("one event to all", "p50 ms", percentile(delays, 50) * 1000)
            bench.add("one event to all", "p99 ms", percentile(delays, 99) * 1000)


async def join(node: Node, crowd: Crowd, count: int) -> tuple[float, float]:
    """Connect so many; return the KB that each takes of the node, and the µs of its CPU."""
    await crowd.join(1)  # whatever is loaded for the first tunnel is no tunnel's price
    memory_mb, cpu_s = node.process.memory_mb(), node.process.cpu_s()
    await crowd.join(count - 1)
    cpu_s = node.process.cpu_s() - cpu_s
    await asyncio.sleep(SETTLE_S)
    more = max(1, count - 1)
    return (node.process.memory_mb() - memory_mb) * 1000 / more, cpu_s / more * 1e6


async def one_event(node: Node, crowd: Crowd) -> list[float]:
    """Send an event; return how long it took to each listener, from the question to the API on."""
    crowd.expect(len(crowd.listeners))
    asked = request("POST", f"{node.team}/events", node.token, {"type": "ticket.created"})
    async with asking(node.address, 1, lambda *_: None) as (asker,):
        await asyncio.sleep(SETTLE_S / 4)
        started = time.perf_counter()
        asker.ask(asked)
        await crowd.all_there()
    return [at - started for at in crowd.got]
