"""Two kinds of plots as SVG: bars beside each other, and lines over a growing load, both axes logarithmic.

A hundred lines of our own rather than a library: there is nothing else to draw, and a run needs no more installed.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.figures import Series
from benchmarks.report import number

INK, MUTED, GRID, PAPER = "#1f2430", "#697080", "#e4e7ee", "#ffffff"
OURS = "#4f46e5"
OTHERS = ("#e07a3f", "#2a9d8f", "#b23a73", "#8a8f9c", "#c29a1b", "#5b7fb5", "#7a5c3e")
FONT = "font-family='system-ui,-apple-system,Segoe UI,Helvetica,Arial,sans-serif'"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Panel:
    """One small plot: a line of points for each name."""

    title: str
    lines: Mapping[str, Sequence[Point]]


def colour(name: str, place: int) -> str:
    """Return ours for whatever is ours, another for each of the others."""
    return OURS if name.startswith("cstar") else OTHERS[place % len(OTHERS)]


def bars(title: str, rows: Sequence[tuple[str, Series]]) -> str:
    """Return horizontal bars of the medians, with a whisker from the least to the most."""
    row_height, left, width, top = 34, 190, 460, 64
    most = max(series.most for _, series in rows)
    parts = [_text(24, 36, title, size=17, weight=600)]
    for place, (name, series) in enumerate(rows):
        y, scale = top + place * row_height, width / most
        ours = name.startswith("cstar")
        parts += [
            _text(left - 12, y + 16, name, anchor="end", weight=600 if ours else 400),
            f"<rect x='{left}' y='{y}' width='{series.median * scale:.1f}' height='22' rx='3' "
            f"fill='{OURS if ours else '#b9c0ce'}'/>",
            _line(left + series.least * scale, y + 11, left + series.most * scale, y + 11, INK, 1.5),
            _text(left + series.most * scale + 10, y + 16, number(series.median), fill=MUTED),
        ]
    return _svg(left + width + 100, top + len(rows) * row_height + 20, parts)


def panels(title: str, many: Sequence[Panel]) -> str:
    """Return small plots in rows of three."""
    width, height, across = 330, 250, 3
    parts = [_text(24, 36, title, size=17, weight=600)]
    for place, panel in enumerate(many):
        x, y = (place % across) * width, 56 + (place // across) * height
        parts.append(f"<g transform='translate({x},{y})'>{''.join(_panel(panel, width, height))}</g>")
    rows = math.ceil(len(many) / across)
    names = list(dict.fromkeys(name for panel in many for name in panel.lines if name))
    parts += _legend(names, 56 + rows * height + 14)
    return _svg(width * min(across, len(many)) + 16, 56 + rows * height + (40 if names else 12), parts)


def _panel(panel: Panel, width: int, height: int) -> Iterable[str]:
    left, right, top, bottom = 66, width - 14, 34, height - 34
    points = [point for line in panel.lines.values() for point in line]
    x_low, x_high = _decades(x for x, _ in points)
    y_low, y_high = _decades(y for _, y in points)

    def at(point: Point) -> Point:
        x = left + (math.log10(point[0]) - x_low) / (x_high - x_low) * (right - left)
        return x, bottom - (math.log10(point[1]) - y_low) / (y_high - y_low) * (bottom - top)

    yield _text(left, 18, panel.title, weight=600)
    for power in range(y_low, y_high + 1):
        _, y = at((10**x_low, 10.0**power))
        yield _line(left, y, right, y, GRID, 1)
        yield _text(left - 8, y + 4, _power(power), anchor="end", fill=MUTED, size=11)
    for power in range(x_low, x_high + 1):
        x, _ = at((10.0**power, 10**y_low))
        yield _line(x, bottom, x, bottom + 4, MUTED, 1)
        yield _text(x, bottom + 18, _power(power), anchor="middle", fill=MUTED, size=11)
    for place, (name, line) in enumerate(panel.lines.items()):
        drawn = [at(point) for point in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
        fill = colour(name or "cstar", place)
        yield f"<polyline points='{path}' fill='none' stroke='{fill}' stroke-width='2' stroke-linejoin='round'/>"
        yield from (f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{fill}'/>" for x, y in drawn)


def _legend(names: Sequence[str], y: float) -> Iterable[str]:
    x = 66.0
    for place, name in enumerate(names):
        yield f"<circle cx='{x}' cy='{y - 4}' r='5' fill='{colour(name, place)}'/>"
        yield _text(x + 12, y, name)
        x += 44 + 7.5 * len(name)


def _decades(values: Iterable[float]) -> tuple[int, int]:
    """Return the powers of ten around all values, never the same one twice."""
    logs = [math.log10(value) for value in values]
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    return low, max(high, low + 1)


def _power(power: int) -> str:
    if power < 0:
        return f"{10.0**power:g}"
    return {0: "1", 1: "10", 2: "100", 6: "1M"}.get(power, f"{10 ** (power % 3)}{'kM'[power // 3 - 1]}")


def _text(
    x: float, y: float, text: str, *, size: int = 13, weight: int = 400, anchor: str = "start", fill: str = INK
) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' {FONT} font-size='{size}' font-weight='{weight}' text-anchor='{anchor}' "
        f"fill='{fill}'>{escape(text)}</text>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str, width: float) -> str:
    return f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{stroke}' stroke-width='{width}'/>"


def _svg(width: int, height: int, parts: Iterable[str]) -> str:
    size = f"width='{width}' height='{height}' viewBox='0 0 {width} {height}'"
    paper = f"<rect width='{width}' height='{height}' fill='{PAPER}'/>"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size}>{paper}{''.join(parts)}</svg>\n"
