from collections.abc import Mapping

import pytest

from cstar_cli.render.output import Look, Output, columns
from cstar_cli.render.replays import summary_table

from .samples import COLOURED, PLAIN, Stream

COUNTED: Mapping[str, Mapping[str, int]] = {
    "ticket.message_added": {"compared": 12, "same": 10, "status": 1, "body": 2},
    "boss.defeated": {"compared": 3, "same": 3},
}


def shown(look: Look, *, terminal: bool = True) -> list[str]:
    stream = Stream(terminal=terminal)
    summary_table(COUNTED, Output(stream, look))
    return stream.written().decode().splitlines()


@pytest.mark.parametrize("wide", [20, 40, 57])
def test_where_columns_are_few_each_number_is_named(monkeypatch: pytest.MonkeyPatch, wide: int) -> None:
    monkeypatch.setenv("COLUMNS", str(wide))
    told = shown(Look(columns=columns))
    assert max(map(len, told)) <= wide
    text = " ".join(" ".join(told).split())
    assert text == "ticket.message_added 10 of 12 the same differ: status 1, body 2 boss.defeated 3 of 3 the same"


def test_what_differs_is_red_where_there_are_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert "  differ: \x1b[31mstatus 1\x1b[0m, \x1b[31mbody 2\x1b[0m" in shown(COLOURED)
    assert "\x1b" not in "".join(shown(PLAIN))


def test_a_recordings_event_types_steer_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Stream(terminal=True)
    summary_table({"\x1b[2J" + "a" * 30: {"compared": 1}}, Output(stream, PLAIN))
    assert b"\x1b" not in stream.written()


@pytest.mark.parametrize(("wide", "terminal"), [("80", True), ("40", False)])
def test_else_it_is_a_table_with_titles(monkeypatch: pytest.MonkeyPatch, wide: str, terminal: bool) -> None:
    monkeypatch.setenv("COLUMNS", wide)
    titles, *rows = [line.split() for line in shown(PLAIN, terminal=terminal)]
    assert titles == ["Event", "type", "compared", "same", "status", "body", "latency"]
    assert ["ticket.message_added", "12", "10", "1", "2", "0"] in rows
