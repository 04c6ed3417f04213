"""What a long log costs: first pages, the start of a node, its memory, the intake."""

import itertools
import time
from statistics import median

from benchmarks.bench import Bench
from benchmarks.databases import POSTGRES, SQLITE, database, fill
from benchmarks.mock.asking import ask_all, ask_once, request
from benchmarks.node import Node, home_of, serving

TITLE = "Growth: events in the log, each delivered"
PLOTTED = ("events list ms", "deliveries list ms", "logs tail ms", "memory MB", "intake CPU µs", "start ms")
EVERY_ROUND = 10_000  # longer logs take minutes to make: they have their turn in the first round
PAGES = {"events list ms": "events", "deliveries list ms": "deliveries", "logs tail ms": "deliveries/tail?follow=false"}
ASKED, POSTED = 20, 2_000
_NOWHERE = "http://127.0.0.1:9/"


async def run_round(bench: Bench) -> None:
    for events in bench.effort.logs:
        for kind in (SQLITE, POSTGRES):
            if events <= EVERY_ROUND or bench.round_number == 0:
                subject = f"{events:,} events, {kind}"
                with bench.measuring(subject):
                    async with database(kind) as (folder, name):
                        await fill(name, home_of(folder).profile().team_id, [_NOWHERE], events, delivered=True)
                        async with serving(folder, name) as node:
                            bench.add(subject, "start ms", (time.perf_counter() - node.process.began) * 1000)
                            await _ask(bench, subject, node)


async def _ask(bench: Bench, subject: str, node: Node) -> None:
    for metric, path in PAGES.items():
        asked = request("GET", f"{node.team}/{path}", node.token)
        bench.add(subject, metric, median([await _seconds(node, asked) for _ in range(ASKED)]) * 1000)
    bench.add(subject, "intake CPU µs", await intake_cpu_us(node, POSTED))
    bench.add(subject, "memory MB", node.process.memory_mb())


async def _seconds(node: Node, asked: bytes) -> float:
    started = time.perf_counter()
    await ask_once(node.address, asked)
    return time.perf_counter() - started


async def intake_cpu_us(node: Node, events: int) -> float:
    """Return the CPU time that a node takes for an event which nobody subscribes to."""
    asked = request("POST", f"{node.team}/events", node.token, {"type": "boss.spawned"})
    cpu_s = node.process.cpu_s()
    await ask_all(node.address, itertools.repeat(asked, events), 32)
    return (node.process.cpu_s() - cpu_s) / events * 1e6
