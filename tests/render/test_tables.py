from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from cstar_cli.render.output import Look, Output
from cstar_cli.render.tables import Stack, Text, Url, Words, shortened, table

from .samples import ASCII, COLOURED, PLAIN, Stream

ID = "dlv_" + "A" * 24
URL = "https://very-long.example.com/services/hooks/2025/cstar/production/endpoint/abc123"
ROW: tuple[Stack, ...] = (
    ID,
    (Text("succeeded", "green"), "4 attempts"),
    (Words("ticket.message_added"), Url(URL)),
    "11-10 14:30",
)


def shown(rows: Sequence[Sequence[Stack]], look: Look = PLAIN, *, terminal: bool = True) -> str:
    stream = Stream(terminal=terminal)
    table([f"Title {number}" for number in range(len(rows[0]) if rows else 3)], rows, Output(stream, look))
    return stream.written().decode()


@pytest.mark.parametrize("columns", ["20", "50", "80", "120", "300"])
@pytest.mark.parametrize("look", [PLAIN, ASCII])
def test_what_must_not_be_cut_is_whole_on_every_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: str, look: Look
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = shown([ROW], look)
    assert all(whole in text for whole in (ID, "succeeded", "4 attempts", "11-10 14:30"))


def test_80_columns_are_enough_for_an_id_a_status_a_url_and_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = shown([ROW])
    assert max(map(len, text.splitlines())) <= 80
    assert "https://ver…int/abc123" in text


def test_a_url_is_whole_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert URL in shown([ROW])


def test_long_words_go_on_below_and_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    folded = [line[31:].strip() for line in shown([(ID, Words("x" * 100))]).splitlines()[2:]]
    assert "".join(folded) == "x" * 100


def test_for_programs_there_are_tabs_and_nothing_is_shortened() -> None:
    text = shown([ROW], terminal=False)
    assert text == f"{ID}\tsucceeded\t4 attempts\tticket.message_added\t{URL}\t11-10 14:30\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_foreign_text_neither_steers_the_terminal_nor_is_taken_for_markup(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    hostile = "\x1b[2J [red]x[/] :smile: \u202e"
    text = shown([("a", Text(hostile), Words(hostile), Url(hostile))], terminal=terminal)
    assert text.count("[red]x[/] :smile:") == 3
    assert not set(text) & set("\x1b\u202e")


@pytest.mark.parametrize("terminal", [True, False])
def test_without_rows_nothing_is_shown(terminal: bool) -> None:
    assert shown([], terminal=terminal) == ""


def test_colours_are_there_where_the_look_has_them() -> None:
    assert "\x1b[32msucceeded" in shown([ROW], COLOURED)
    assert "\x1b" not in shown([ROW], replace(COLOURED, colour=False))


def test_where_symbols_are_missing_the_table_is_ascii() -> None:
    assert shown([ROW], ASCII).isascii()


@pytest.mark.parametrize(
    ("text", "width", "ellipsis", "kept"),
    [
        ("abcdefgh", 8, "…", "abcdefgh"),
        ("abcdefgh", 7, "…", "abc…fgh"),
        ("abcdefgh", 7, "...", "ab...gh"),
        ("abcdefgh", 1, "…", "a…h"),
    ],
)
def test_a_text_is_shortened_in_its_middle(text: str, width: int, ellipsis: str, kept: str) -> None:
    assert shortened(text, width, ellipsis) == kept
