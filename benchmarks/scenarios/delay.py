"""How long an event takes through a forwarder that is far from busy, from its sending to the receiver."""

from functools import partial
from statistics import quantiles

from benchmarks import tools
from benchmarks.bench import Bench
from benchmarks.mock.events import event_body
from benchmarks.mock.stage import Stage
from benchmarks.processes import Running
from benchmarks.tools import Tool

TITLE = "Delay at 100 events/s, from the service to the receiver"
PER_S = 100.0
SUBJECTS = (tools.LIMIT, tools.CSTAR, *tools.PEERS)
LARGE_BYTES, HUGE_BYTES = 20 * 1024, 1000 * 1024
HUGE_PER_S = 10.0
SLOW_S = 10.0
WARM_UP = 20


async def run_round(bench: Bench) -> None:
    await bench.by_turns(SUBJECTS, partial(_small, bench))
    for tool in SUBJECTS:
        with bench.measuring(f"{tool.name}, larger bodies"):
            await _large(bench, tool)
            await _huge(bench, tool)


async def _small(bench: Bench, tool: Tool, stage: Stage, _: Running) -> None:
    await stage.paced(PER_S, WARM_UP)
    delays = await stage.paced(PER_S, bench.effort.paced // bench.effort.turns)
    bench.add(tool.name, "p50 µs", percentile(delays, 50) * 1e6)
    bench.add(tool.name, "p99 µs", percentile(delays, 99) * 1e6)
    if bench.turn == 0:
        slow = bench.effort.paced // 10
        others = await stage.paced(PER_S, 2 * slow, {slow: SLOW_S})
        bench.add(tool.name, "slowest ms, one takes 10 s", max(others) * 1000)


async def _large(bench: Bench, tool: Tool) -> None:
    async with bench.listening(tool, event_body(LARGE_BYTES)) as (stage, _):
        await stage.paced(PER_S, bench.effort.paced // 10)
        delays = await stage.paced(PER_S, bench.effort.paced // 2)
        bench.add(tool.name, "p50 µs, 20 KB", percentile(delays, 50) * 1e6)


async def _huge(bench: Bench, tool: Tool) -> None:
    async with bench.listening(tool, event_body(HUGE_BYTES)) as (stage, _):
        await stage.paced(HUGE_PER_S, 3)
        delays = await stage.paced(HUGE_PER_S, bench.effort.paced // 20)
        bench.add(tool.name, "p50 ms, 1 MB", percentile(delays, 50) * 1e3)


def percentile(values: list[float], percent: int) -> float:
    """Return the value that so many of a hundred don't exceed."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]
