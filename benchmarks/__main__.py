"""Measure, print the tables, write the JSON.

python -m benchmarks [--quick] [--rounds N] [--out FOLDER] [SCENARIO …]
"""

import argparse
import asyncio
import dataclasses
import gc
import importlib
import json
import sys
from pathlib import Path

from benchmarks import report
from benchmarks.bench import FULL, QUICK, Bench, Effort
from benchmarks.figures import Figures
from benchmarks.processes import HARNESS_CORES, pin
from benchmarks.sender import loop_factory

SCENARIOS = ("forwarding", "starting", "intake", "dispatching", "through", "delay")
RESULTS = Path(__file__).parent / "results"


async def measure(scenarios: list[str], effort: Effort) -> Figures:
    """Run each scenario's rounds, printing its table as soon as it is there."""
    figures = Figures()
    for name in scenarios:
        module = importlib.import_module(f"benchmarks.scenarios.{name}")
        for round_number in range(effort.rounds):
            gc.collect()
            await module.run_round(Bench(name, effort, figures, round_number))
        tables = filter(None, (report.scenario_table(figures, name), report.ratio_table(figures, name)))
        sys.stdout.write("\n".join([f"\n## {module.TITLE}\n", *tables]))
        sys.stdout.flush()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="less of everything, in under two minutes")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each subject has its turn")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FOLDER", help="where the JSON goes")
    given = parser.parse_args()
    if unknown := set(given.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    effort = QUICK if given.quick else FULL
    if given.rounds:
        effort = dataclasses.replace(effort, rounds=given.rounds)
    pin(HARNESS_CORES)
    gc.freeze()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        figures = runner.run(measure(given.scenarios or list(SCENARIOS), effort))
    sys.stdout.write(f"\n## Targets\n\n{report.target_table(figures)}")
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "results.json").write_text(json.dumps(report.as_json(figures), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
