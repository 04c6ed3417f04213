"""What large bodies cost a forwarder: time, and memory."""

from benchmarks import tools
from benchmarks.bench import Bench
from benchmarks.mock.events import event_body
from benchmarks.tools import Tool

TITLE = "Growth: the size of a body, 32 in flight"
PLOTTED = ("CPU µs an event", "events/s", "memory MB")
SUBJECTS = (tools.CSTAR, *tools.PEERS)
IN_FLIGHT = 32


async def run_round(bench: Bench) -> None:
    for size_kb in bench.effort.sizes_kb:
        for tool in SUBJECTS:
            await _measure(bench, f"{size_kb:,} KB, {tool.name}", tool, event_body(size_kb * 1000))


async def _measure(bench: Bench, subject: str, tool: Tool, body: bytes) -> None:
    with bench.measuring(subject):
        async with bench.listening(tool, body) as (stage, process):
            await stage.in_flight(IN_FLIGHT, bench.effort.seconds / 4)
            cpu_s = process.cpu_s()
            rate = await stage.in_flight(IN_FLIGHT, bench.effort.seconds / 2)
            bench.add(subject, "events/s", rate.per_s)
            bench.add(subject, "CPU µs an event", (process.cpu_s() - cpu_s) / rate.events * 1e6)
            bench.add(subject, "memory MB", process.memory_mb())
