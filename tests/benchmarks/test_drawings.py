from xml.etree import ElementTree

import pytest

from benchmarks.drawings import drawings, place
from benchmarks.figures import Figures, Key
from benchmarks.plots import Panel, panels

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("subject", "stands"),
    [
        ("1,000 events, SQLite", (1000.0, "SQLite")),
        ("5,000 tunnels", (5000.0, "")),
        ("1 KB, cstar", (1.0, "cstar")),
    ],
)
def test_a_subject_says_where_its_point_stands(subject: str, stands: tuple[float, str]) -> None:
    assert place(subject) == stands


def test_bars_show_everyone_that_was_measured() -> None:
    figures = Figures()
    figures.add(Key("reconnecting", "cstar", "s until back"), 0, 0.1)
    figures.add(Key("reconnecting", "stripe & co", "s until back"), 0, 1.0)
    [(name, svg)] = drawings(figures, {})
    root = ElementTree.fromstring(svg)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert name == "reconnecting-s-until-back"
    assert {"cstar", "stripe & co", "0.10", "1.00"} <= set(texts)
    ours, theirs = (float(bar.attrib["width"]) for bar in list(root.iter(f"{SVG}rect"))[1:])
    assert theirs == pytest.approx(10 * ours)


def test_a_growing_scenario_has_a_panel_for_each_metric_and_a_line_for_each_name() -> None:
    figures = Figures()
    for events in (100, 10_000):
        for store in ("SQLite", "PostgreSQL"):
            figures.add(Key("growing_log", f"{events:,} events, {store}", "list ms"), 0, 2.0)
    [(name, svg)] = drawings(figures, {"growing_log": ("The log", ("list ms", "never measured"))})
    root = ElementTree.fromstring(svg)
    assert name == "growing-log"
    assert len(list(root.iter(f"{SVG}polyline"))) == 2
    assert {"The log", "list ms", "SQLite", "PostgreSQL"} <= {text.text for text in root.iter(f"{SVG}text")}


def test_what_grows_in_proportion_is_drawn_as_a_straight_diagonal() -> None:
    svg = panels("", [Panel("", {"": [(1.0, 1.0), (10.0, 10.0), (100.0, 100.0)]})])
    [line] = ElementTree.fromstring(svg).iter(f"{SVG}polyline")
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert y0 > y2
