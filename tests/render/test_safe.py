import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstar_cli.render.safe import harmless


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("Grüße, 世界 🎉", "Grüße, 世界 🎉"),
        ("one\ntwo", "one two"),
        ('{\r\n\t"a": 1\r\n}', '{ "a": 1 }'),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]8;;http://evil\x07click\x1b]8;;\x07", r"\x1b]8;;http://evil\x07click\x1b]8;;\x07"),
        ("\x1b]52;c;ZXZpbA==\x07", r"\x1b]52;c;ZXZpbA==\x07"),
        ("\x9b31m\x9d", r"\x9b31m\x9d"),
        ("\x00\x08\x7f", r"\x00\x08\x7f"),
        ("user\u202egpj.exe", r"user\u202egpj.exe"),
        ("\u2066a\u2069\u200e\u200f\u061c", r"\u2066a\u2069\u200e\u200f\u061c"),
        ("pay\u200bpal\ufeff\u2060\u00ad", r"pay\u200bpal\ufeff\u2060\xad"),
        ("\u2028\u2029\u0085", r"\u2028\u2029\x85"),
        ("\u3164\u115f\u034f", r"\u3164\u115f\u034f"),
        ("\ud800 and \udfff", r"\ud800 and \udfff"),
        ("\U000e0041", r"\U000e0041"),
        ("e" + "\u0301" * 50, "e" + "\u0301" * 4),
    ],
)
def test_foreign_text_is_shown_without_its_power(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text() | st.binary())
def test_nothing_that_comes_out_can_steer_a_terminal(text: str | bytes) -> None:
    shown = harmless(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    shown.encode()


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("abcdef", 3, "abc…"),
        ("abc", 3, "abc"),
        ("äöü".encode(), 2, "äö…"),
        ("äöü".encode(), 3, "äöü"),
        ("🎉🎉🎉".encode() * 100, 2, "🎉🎉…"),
        ("e\u0301e\u0301", 3, "e\u0301…"),
        ("ab👩\u200d💻", 4, "ab…"),
        (b"ab\xffcd", 10, "ab\ufffdcd"),
        (b"", 3, ""),
        ("\u0301" * 9, 3, "\u0301\u0301\u0301…"),
    ],
)
def test_long_text_is_cut_at_a_character(text: str | bytes, limit: int, shown: str) -> None:
    assert harmless(text, limit) == shown


@given(st.text(), st.integers(min_value=1, max_value=20))
def test_bytes_and_text_are_cut_alike(text: str, limit: int) -> None:
    assert harmless(text.encode(errors="replace"), limit) == harmless(text.encode(errors="replace").decode(), limit)
