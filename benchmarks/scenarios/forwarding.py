"""Events a second through a forwarder on one core, the work for one event, and the memory it takes."""

import time
from functools import partial

from benchmarks import tools
from benchmarks.bench import Bench
from benchmarks.mock.stage import Stage
from benchmarks.processes import Running
from benchmarks.tools import Tool

TITLE = "Forwarding, 1.5 KB events"
NARROW, WIDE = 32, 256
# A listener is sent no more than it asks for; the peers take what comes.
CSTAR_WIDE = tools.cstar("cstar, 256 in flight", "--concurrency", str(WIDE))
SUBJECTS = (
    tools.LIMIT,
    tools.CSTAR,
    CSTAR_WIDE,
    tools.CSTAR_JSON,
    tools.CSTAR_FILTERED,
    tools.CSTAR_PLAIN_LOOP,
    *tools.PEERS,
)
MOST_OF_PEERS = 20_000  # in a burst: the slowest of them would take minutes for more


async def run_round(bench: Bench) -> None:
    await bench.by_turns(SUBJECTS, partial(_turn, bench))


async def _turn(bench: Bench, tool: Tool, stage: Stage, process: Running) -> None:
    if tool is CSTAR_WIDE:
        await _wide(bench, tools.CSTAR, stage, process)
        return
    await _narrow(bench, tool, stage, process)
    if bench.turn == 0:
        bench.add(tool.name, "memory MB", process.memory_mb())
        bench.add(tool.name, "connections", stage.connections)
    if tool in tools.PEERS:
        await _wide(bench, tool, stage, process)
    is_last = bench.turn == bench.effort.turns - 1
    if is_last and bench.round_number == 0 and tool in (tools.CSTAR, *tools.PEERS):
        burst = bench.effort.burst
        await stage.burst(burst if tool is tools.CSTAR else min(burst, MOST_OF_PEERS))
        bench.add(tool.name, "memory MB after a burst", process.memory_mb())


async def _narrow(bench: Bench, tool: Tool, stage: Stage, process: Running) -> None:
    seconds = bench.effort.seconds / bench.effort.turns
    await stage.in_flight(NARROW, seconds / 4)
    cpu_s, harness_s = process.cpu_s(), time.process_time()
    rate = await stage.in_flight(NARROW, seconds)
    cpu_s, harness_s = process.cpu_s() - cpu_s, time.process_time() - harness_s
    bench.add(tool.name, f"events/s, {NARROW} in flight", rate.per_s)
    bench.add(tool.name, "CPU µs an event", cpu_s / rate.events * 1e6)
    bench.add(tool.name, "tool's core %", cpu_s / rate.elapsed_s * 100)
    bench.add(tool.name, "harness's core %", harness_s / rate.elapsed_s * 100)


async def _wide(bench: Bench, tool: Tool, stage: Stage, process: Running) -> None:
    seconds = bench.effort.seconds / bench.effort.turns
    await stage.in_flight(WIDE, seconds / 4)
    rate = await stage.in_flight(WIDE, seconds)
    bench.add(tool.name, f"events/s, {WIDE} in flight", rate.per_s)
    bench.add(tool.name, f"memory MB, {WIDE} in flight", process.memory_mb())
