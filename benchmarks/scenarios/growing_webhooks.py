"""What many webhooks cost: an event that none or all of them want, the list of them."""

import asyncio
import itertools
import time
from statistics import median

from benchmarks.bench import Bench
from benchmarks.databases import SQLITE, database
from benchmarks.mock.asking import ask_all, ask_once, request
from benchmarks.mock.receiver import Counter, receiving
from benchmarks.node import Node, serving
from benchmarks.scenarios.growing_log import intake_cpu_us

TITLE = "Growth: webhooks"
PLOTTED = ("intake CPU µs", "CPU µs a delivery, all want it", "webhooks list ms", "memory MB")
POSTED, DELIVERIES = 2_000, 4_000
CONNECTIONS = 32


async def run_round(bench: Bench) -> None:
    for count in bench.effort.webhooks:
        subject = f"{count:,} webhooks"
        got = Counter()
        with bench.measuring(subject):
            async with database(SQLITE) as (folder, name), serving(folder, name) as node, receiving(got) as url:
                await ask_all(node.address, (_new(node, url, number) for number in range(count)), 1)
                await _measure(bench, subject, node, count, got)


def _new(node: Node, url: str, number: int) -> bytes:
    webhook = {"name": f"webhook {number}", "url": url, "events": ["ticket.created"]}
    return request("POST", f"{node.team}/webhooks", node.token, webhook)


async def _measure(bench: Bench, subject: str, node: Node, count: int, got: Counter) -> None:
    bench.add(subject, "intake CPU µs", await intake_cpu_us(node, POSTED))
    took = []
    for _ in range(10):
        started = time.perf_counter()
        await ask_once(node.address, request("GET", f"{node.team}/webhooks", node.token))
        took.append(time.perf_counter() - started)
    bench.add(subject, "webhooks list ms", median(took) * 1000)
    events = max(1, DELIVERIES // count)
    wanted = request("POST", f"{node.team}/events", node.token, {"type": "ticket.created"})
    cpu_s, started = node.process.cpu_s(), time.perf_counter()
    await ask_all(node.address, itertools.repeat(wanted, events), min(events, CONNECTIONS))
    async with asyncio.timeout(300):
        await got.reach(events * count)
    bench.add(subject, "deliveries/s, all want it", events * count / (time.perf_counter() - started))
    bench.add(subject, "CPU µs a delivery, all want it", (node.process.cpu_s() - cpu_s) / (events * count) * 1e6)
    bench.add(subject, "memory MB", node.process.memory_mb())
