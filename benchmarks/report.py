"""Tables, as Markdown that reads well in a terminal too, and JSON."""

import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import Figures, Key, Series
from benchmarks.targets import TARGETS, Verdict, judge

US = "cstar"


def number(value: float) -> str:
    """Return a figure with the digits that mean something: three, or all before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def cell(series: Series | None) -> str:
    """Return the median, and the least and the most where rounds differ."""
    if series is None:
        return ""
    middle, least, most = number(series.median), number(series.least), number(series.most)
    return middle if least == most else f"{middle} ({least}–{most})"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, its columns aligned; the first is text, the others are figures."""
    lines = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = [f":{'-' * (widths[0] - 1)}", *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    aligned = [
        [line[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True))]
        for line in lines
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [aligned[0], rule, *aligned[1:]]) + "\n"


def scenario_table(figures: Figures, scenario: str) -> str:
    """Return one scenario's medians with least and most, then how the others' medians compare with ours."""
    metrics = figures.metrics(scenario)
    rows = [
        [subject, *(cell(figures.series(Key(scenario, subject, metric))) for metric in metrics)]
        for subject in figures.subjects(scenario)
    ]
    parts = [table(["", *metrics], rows)]
    parts += [f"{name}: {why}\n" for (named, name), why in figures.absent.items() if named == scenario]
    return "".join(parts)


def ratio_table(figures: Figures, scenario: str) -> str:
    """Return what `cstar` has for one of each subject's, metric by metric; empty where nothing compares."""
    metrics = [metric for metric in figures.metrics(scenario) if not metric.endswith("%")]  # a load, not a price
    rows = []
    for subject in figures.subjects(scenario):
        ours_over = [_ratio(figures, scenario, subject, metric) for metric in metrics]
        if subject != US and any(ours_over):
            rows.append([f"{US} / {subject}", *map(cell, ours_over)])
    return table(["ratio", *metrics], rows) if rows else ""


def _ratio(figures: Figures, scenario: str, subject: str, metric: str) -> Series | None:
    ours, theirs = figures.series(Key(scenario, US, metric)), figures.series(Key(scenario, subject, metric))
    return ours.over(theirs) if ours and theirs else None


def target_table(figures: Figures) -> str:
    """Return the targets of what this run was about, each with what was measured."""
    taken = figures.scenarios()
    rows = [_target_row(judge(target, figures)) for target in TARGETS if target.of.scenario in taken]
    return table(["target", "bound", "measured", "reached"], rows)


def _target_row(verdict: Verdict) -> list[str]:
    target = verdict.target
    bound = f"{'≥' if target.side == 'least' else '≤'} {number(target.bound)}{' ×' if target.beside else ''}"
    word = {True: "yes", False: "NO", None: "not measured"}[verdict.reached]
    return [target.text, bound, cell(verdict.measured), word]


def machine() -> dict[str, object]:
    """Say what the figures were taken on."""
    import os

    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")] if cpuinfo.exists() else []
    )
    packages = ("cstar-cli", "websockets", "msgspec", "httptools", "uvloop", "starlette", "uvicorn", "typer")
    return {
        "processor": names[0].partition(":")[2].strip() if names else platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {package: version(package) for package in packages},
    }


def as_json(figures: Figures) -> dict[str, object]:
    """Return everything: each figure's values by round, and the verdicts."""
    return {
        "machine": machine(),
        "figures": [
            {"scenario": key.scenario, "subject": key.subject, "metric": key.metric, "rounds": list(values.values())}
            for key, values in figures.values.items()
        ],
        "absent": [
            {"scenario": scenario, "subject": subject, "why": why}
            for (scenario, subject), why in figures.absent.items()
        ],
        "targets": [
            {
                "target": target.text,
                "bound": target.bound,
                "side": target.side,
                "measured": verdict.measured and verdict.measured.median,
                "reached": verdict.reached,
            }
            for target in TARGETS
            for verdict in [judge(target, figures)]
        ],
    }
