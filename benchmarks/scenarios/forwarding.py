"""Events a second through a forwarder on one core, the work for one event, and the memory it takes."""

import time

from benchmarks import tools
from benchmarks.bench import Bench
from benchmarks.mock.stage import Stage
from benchmarks.processes import Running
from benchmarks.tools import Tool

TITLE = "Forwarding, 1.5 KB events"
SUBJECTS = (
    tools.LIMIT,
    tools.CSTAR,
    tools.CSTAR_JSON,
    tools.CSTAR_FILTERED,
    tools.CSTAR_PLAIN_LOOP,
    *tools.PEERS,
)
NARROW, WIDE = 32, 256
MOST_OF_PEERS = 20_000  # in a burst: the slowest of them would take minutes for more
# A listener is sent no more than it asks for; the peers take what comes.
WIDE_TOOLS = {tools.CSTAR.name: tools.cstar("cstar", "--concurrency", str(WIDE))}


async def run_round(bench: Bench) -> None:
    for tool in SUBJECTS:
        with bench.measuring(tool.name):
            async with bench.listening(tool) as (stage, process):
                await _narrow(bench, tool, stage, process)
        if tool in (tools.CSTAR, *tools.PEERS):
            with bench.measuring(tool.name):
                async with bench.listening(WIDE_TOOLS.get(tool.name, tool)) as (stage, _):
                    await stage.in_flight(WIDE, bench.effort.seconds / 4)
                    rate = await stage.in_flight(WIDE, bench.effort.seconds)
                    bench.add(tool.name, f"events/s, {WIDE} in flight", rate.per_s)


async def _narrow(bench: Bench, tool: Tool, stage: Stage, process: Running) -> None:
    await stage.in_flight(NARROW, bench.effort.seconds / 4)
    cpu_s, harness_s = process.cpu_s(), time.process_time()
    rate = await stage.in_flight(NARROW, bench.effort.seconds)
    cpu_s, harness_s = process.cpu_s() - cpu_s, time.process_time() - harness_s
    bench.add(tool.name, f"events/s, {NARROW} in flight", rate.per_s)
    bench.add(tool.name, "CPU µs an event", cpu_s / rate.events * 1e6)
    bench.add(tool.name, "tool's core %", cpu_s / rate.elapsed_s * 100)
    bench.add(tool.name, "harness's core %", harness_s / rate.elapsed_s * 100)
    bench.add(tool.name, "memory MB", process.memory_mb())
    bench.add(tool.name, "connections", stage.connections)
    if bench.round_number == 0 and tool in (tools.CSTAR, *tools.PEERS):
        burst = bench.effort.burst
        await stage.burst(burst if tool is tools.CSTAR else min(burst, MOST_OF_PEERS))
        bench.add(tool.name, "memory MB after a burst", process.memory_mb())
