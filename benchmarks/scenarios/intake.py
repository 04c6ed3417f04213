"""Events a second that a node takes in: each is durable before it is answered."""

import itertools
import json

from benchmarks.bench import Bench
from benchmarks.databases import POSTGRES, SQLITE, database
from benchmarks.mock.asking import ask_all, request
from benchmarks.mock.events import event_body
from benchmarks.node import serving

TITLE = "Intake, durable, 32 connections, 1.5 KB events"
CONNECTIONS = 32


async def run_round(bench: Bench) -> None:
    await bench.limit()
    for kind in (SQLITE, POSTGRES):
        with bench.measuring(kind):
            async with database(kind) as (folder, name), serving(folder, name) as node:
                event = {"type": "ticket.created", "data": json.loads(event_body())["data"]}
                asked = request("POST", f"{node.team}/events", node.token, event)
                await ask_all(node.address, itertools.repeat(asked, bench.effort.intake // 10), CONNECTIONS)
                cpu_s = node.process.cpu_s()
                rate = await ask_all(node.address, itertools.repeat(asked, bench.effort.intake), CONNECTIONS)
                cpu_s = node.process.cpu_s() - cpu_s
                bench.add(kind, "events/s", rate.per_s)
                bench.add(kind, "CPU µs an event", cpu_s / rate.events * 1e6)
                bench.add(kind, "node's core %", cpu_s / rate.elapsed_s * 100)
                bench.add(kind, "memory MB", node.process.memory_mb())
