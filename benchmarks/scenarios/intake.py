"""Events a second that a node takes in: each is durable before it is answered."""

import itertools
import json
from contextlib import AsyncExitStack

from benchmarks.bench import Bench
from benchmarks.databases import POSTGRES, SQLITE, database
from benchmarks.mock.asking import ask_all, request
from benchmarks.mock.events import event_body
from benchmarks.mock.rate import Rate
from benchmarks.node import Node, serving

TITLE = "Intake, durable, 32 connections, 1.5 KB events"
CONNECTIONS = 32


async def run_round(bench: Bench) -> None:
    """Have nodes on both stores take turns."""
    async with AsyncExitStack() as opened:
        nodes: dict[str, Node] = {}
        for kind in (SQLITE, POSTGRES):
            with bench.measuring(kind):
                folder, name = await opened.enter_async_context(database(kind))
                nodes[kind] = await opened.enter_async_context(serving(folder, name))
                await _post(nodes[kind], bench.effort.intake // 10)
        for _ in bench.turns():
            await bench.limit()
            for kind, node in nodes.items():
                with bench.measuring(kind):
                    await _take_turn(bench, kind, node)


async def _take_turn(bench: Bench, kind: str, node: Node) -> None:
    cpu_s = node.process.cpu_s()
    rate = await _post(node, bench.effort.intake // bench.effort.turns)
    cpu_s = node.process.cpu_s() - cpu_s
    bench.add(kind, "events/s", rate.per_s)
    bench.add(kind, "CPU µs an event", cpu_s / rate.events * 1e6)
    bench.add(kind, "node's core %", cpu_s / rate.elapsed_s * 100)
    bench.add(kind, "memory MB", node.process.memory_mb())


async def _post(node: Node, count: int) -> Rate:
    event = {"type": "ticket.created", "data": json.loads(event_body())["data"]}
    asked = request("POST", f"{node.team}/events", node.token, event)
    return await ask_all(node.address, itertools.repeat(asked, count), CONNECTIONS)
