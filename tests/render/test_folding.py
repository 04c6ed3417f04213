import pytest

from cstar_cli.render.folding import folded, width


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("", [""]),
        ("short", ["short"]),
        ("exactly ten", ["exactly ten"]),
        ("one two three four", ["one two", "  three", "  four"]),
        ("  a  bbbbbb cccc", ["  a  bbbbbb", "  cccc"]),
        ("evt_1234567890123 200", ["evt_1234567890123", "  200"]),
        ("a evt_1234567890", ["a", "evt_1234567890"]),
        ("aaa 1234567890", ["aaa", " 1234567890"]),
        ("漢字漢字 漢字漢字", ["漢字漢字", "  漢字漢字"]),
        ("\x1b[31m✗\x1b[0m aaaa \x1b[1mbbbbbb\x1b[0m", ["\x1b[31m✗\x1b[0m aaaa", "  \x1b[1mbbbbbb\x1b[0m"]),
    ],
)
def test_a_line_is_folded_between_words_and_no_word_is_cut(line: str, lines: list[str]) -> None:
    assert folded(line, 11) == lines


def test_colours_and_marks_take_no_room_and_wide_characters_two() -> None:
    assert width("\x1b[31mab\x1b[0m") == 2
    assert width("e\u0301") == 1
    assert width("漢字") == 4
