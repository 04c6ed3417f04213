"""Measure, print the tables, write JSON and plots.

python -m benchmarks [--quick] [--rounds N] [--out FOLDER] [SCENARIO …]
"""

import argparse
import dataclasses
import gc
import importlib
import json
import os
import sys
from pathlib import Path
from types import ModuleType

from benchmarks import report
from benchmarks.bench import FULL, QUICK, Bench, Effort
from benchmarks.drawings import drawings
from benchmarks.figures import Figures
from benchmarks.mock.crowd import allow_many_files
from benchmarks.processes import HARNESS_CORES, pin
from cstar_cli.commands.loop import run_async

SCENARIOS = (
    "forwarding",
    "starting",
    "intake",
    "dispatching",
    "through",
    "delay",
    "tunnels",
    "reconnecting",
    "growing_log",
    "growing_webhooks",
    "growing_tunnels",
    "growing_bodies",
)
BUSY = 0.7
RESULTS = Path(__file__).parent / "results"


def scenario(name: str) -> ModuleType:
    """Return a scenario's module: its `TITLE`, its `run_round`, and what is PLOTTED of one that grows."""
    return importlib.import_module(f"benchmarks.scenarios.{name}")


async def measure(scenarios: list[str], effort: Effort) -> Figures:
    """Run each scenario's rounds, printing its table as soon as it is there."""
    figures = Figures()
    for name in scenarios:
        module = scenario(name)
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
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FOLDER", help="where JSON and plots go")
    given = parser.parse_args()
    if unknown := set(given.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    effort = QUICK if given.quick else FULL
    if given.rounds:
        effort = dataclasses.replace(effort, rounds=given.rounds)
    load = os.getloadavg()[0]
    if load > BUSY:
        sys.stderr.write(f"This machine is busy (load {load:.1f}): of what follows, only CPU times compare.\n")
    allow_many_files()
    pin(HARNESS_CORES)
    gc.freeze()
    names = given.scenarios or list(SCENARIOS)
    figures = run_async(measure(names, effort))
    sys.stdout.write(f"\n## Targets\n\n{report.target_table(figures)}")
    write(given.out, names, figures)


def write(folder: Path, names: list[str], figures: Figures) -> None:
    """Write everything as JSON, and the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(report.as_json(figures), indent=1, ensure_ascii=False) + "\n")
    growing = {name: scenario(name) for name in names if hasattr(scenario(name), "PLOTTED")}
    plotted = {name: (module.TITLE, module.PLOTTED) for name, module in growing.items()}
    for name, svg in drawings(figures, plotted):
        (folder / f"{name}.svg").write_text(svg)


if __name__ == "__main__":
    main()
