"""What many tunnels cost: memory, connecting, and one event to all of them."""

from benchmarks.bench import Bench
from benchmarks.databases import SQLITE, database
from benchmarks.mock.crowd import crowd_at
from benchmarks.node import serving
from benchmarks.scenarios.tunnels import join, one_event

TITLE = "Growth: tunnels on one node"
PLOTTED = ("one event to all, ms", "CPU µs to connect", "memory MB")


async def run_round(bench: Bench) -> None:
    for count in bench.effort.tunnels:
        subject = f"{count:,} tunnels"
        with bench.measuring(subject):
            async with database(SQLITE) as (folder, name), serving(folder, name) as node, crowd_at(node) as crowd:
                _, cpu_us = await join(node, crowd, count)
                if count > 1:
                    bench.add(subject, "CPU µs to connect", cpu_us)
                bench.add(subject, "memory MB", node.process.memory_mb())
                await one_event(node, crowd)
                bench.add(subject, "one event to all, ms", max(await one_event(node, crowd)) * 1000)
