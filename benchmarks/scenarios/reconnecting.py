"""How long a forwarder is away when its connection is cut."""

import asyncio
import time
from statistics import median

from benchmarks import tools
from benchmarks.bench import Bench

TITLE = "Reconnecting after a cut"
SUBJECTS = (tools.CSTAR, *tools.PEERS)
BACK_S = 30.0


async def run_round(bench: Bench) -> None:
    for tool in SUBJECTS:
        with bench.measuring(tool.name):
            async with bench.listening(tool) as (stage, _):
                away = []
                for _ in range(max(1, bench.effort.starts // 2)):
                    await stage.paced(100, 10)
                    cut_at = time.perf_counter()
                    stage.cut()
                    async with asyncio.timeout(BACK_S):
                        await stage.connected.wait()
                    away.append(stage.connected_at - cut_at)
                bench.add(tool.name, "s until back", median(away))
                bench.add(tool.name, "s until back, longest", max(away))
