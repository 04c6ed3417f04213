import json

import pytest

from benchmarks import report
from benchmarks.figures import Figures, Key, Series
from benchmarks.tools import LIMIT


def measured() -> Figures:
    figures = Figures()
    for number, (ours, theirs) in enumerate([(50.0, 10.0), (60.0, 10.0), (40.0, 20.0)]):
        figures.add(Key("forwarding", "cstar", "events/s"), number, ours)
        figures.add(Key("forwarding", "stripe-cli", "events/s"), number, theirs)
    figures.add(Key("forwarding", "cstar", "tool's core %"), 0, 99.0)
    figures.add(Key("forwarding", "stripe-cli", "tool's core %"), 0, 99.0)
    figures.absent["forwarding", "smee-client"] = "not to be had: smee.js is not installed"
    return figures


@pytest.mark.parametrize(
    ("value", "text"), [(0.123, "0.12"), (7.0, "7.00"), (12.34, "12.3"), (123.4, "123"), (28_200.0, "28,200")]
)
def test_a_figure_has_three_digits_or_all_before_the_point(value: float, text: str) -> None:
    assert report.number(value) == text


def test_a_cell_says_the_median_with_the_least_and_the_most() -> None:
    assert report.cell(Series({0: 10.0, 1: 30.0, 2: 20.0})) == "20.0 (10.0–30.0)"
    assert report.cell(Series({0: 10.0})) == "10.0"
    assert report.cell(None) == ""


def test_a_table_is_markdown_with_aligned_columns() -> None:
    assert report.table(["tool", "rate"], [["cstar", "1"], ["b", "1,000"]]) == (
        "| tool  |  rate |\n"
        "| :---- | ----: |\n"
        "| cstar |     1 |\n"
        "| b     | 1,000 |\n"
    )  # fmt: skip


def test_a_peer_that_cannot_be_had_is_named() -> None:
    shown = report.scenario_table(measured(), "forwarding")
    assert "| smee-client |" in shown
    assert "smee-client: not to be had: smee.js is not installed" in shown


def test_ratios_are_ours_over_each_other_one_and_leave_out_how_busy_a_core_was() -> None:
    shown = report.ratio_table(measured(), "forwarding")
    assert "cstar / stripe-cli" in shown
    assert "5.00 (2.00–6.00)" in shown
    assert "core" not in shown
    assert "smee" not in shown


def test_only_the_targets_of_what_was_run_are_shown_each_with_its_verdict() -> None:
    figures = Figures()
    figures.add(Key("intake", "SQLite", "events/s"), 0, 11_000.0)
    figures.add(Key("intake", LIMIT.name, "relayed/s"), 0, 103_000.0)
    figures.add(Key("tunnels", "idle", "KB each"), 0, 20.0)
    shown = report.target_table(figures)
    assert [line.split("|")[-2].strip() for line in shown.splitlines()[2:]] == ["NO", "yes", "not measured"]


def test_the_json_holds_every_round_and_who_was_absent() -> None:
    written = json.loads(json.dumps(report.as_json(measured())))
    assert written["figures"][0] == {
        "scenario": "forwarding",
        "subject": "cstar",
        "metric": "events/s",
        "rounds": [50.0, 60.0, 40.0],
    }
    assert written["absent"][0]["subject"] == "smee-client"
    assert written["machine"]["python"]
