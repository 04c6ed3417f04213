"""Which figures are drawn, and how their names say where a point stands."""

from collections.abc import Iterable, Iterator

from benchmarks.figures import Figures, Key
from benchmarks.plots import Panel, Point, bars, panels

# scenario → what its bars show
BARS = {
    "forwarding": ("events/s, 32 in flight", "CPU µs an event", "memory MB"),
    "delay": ("p50 µs", "p99 µs"),
    "reconnecting": ("s until back",),
}


def drawings(figures: Figures, plotted: dict[str, tuple[str, Iterable[str]]]) -> Iterator[tuple[str, str]]:
    """Yield the name and the SVG of each plot; `plotted` maps a growing scenario to its title and metrics."""
    for scenario, metrics in BARS.items():
        for metric in metrics:
            keys = {subject: Key(scenario, subject, metric) for subject in figures.subjects(scenario)}
            rows = [(subject, series) for subject, key in keys.items() if (series := figures.series(key))]
            if rows:
                yield f"{scenario}-{_slug(metric)}", bars(f"{scenario.capitalize()}: {metric}", rows)
    for scenario, (title, growing) in plotted.items():
        many = [panel for metric in growing if (panel := _panel(figures, scenario, metric)).lines]
        if many:
            yield scenario.replace("_", "-"), panels(title, many)


def place(subject: str) -> tuple[float, str]:
    """Read a subject like `1,000 events, SQLite`: how many, and whose line it is on."""
    amount, _, name = subject.partition(", ")
    return float(amount.partition(" ")[0].replace(",", "")), name


def _panel(figures: Figures, scenario: str, metric: str) -> Panel:
    lines: dict[str, list[Point]] = {}
    for subject in figures.subjects(scenario):
        series = figures.series(Key(scenario, subject, metric))
        if series and series.median > 0:
            x, name = place(subject)
            lines.setdefault(name, []).append((x, series.median))
    return Panel(metric, lines)


def _slug(metric: str) -> str:
    return "-".join("".join(sign if sign.isalnum() else " " for sign in metric.replace("µ", "u")).split()).lower()
