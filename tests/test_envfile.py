"""Env files: what a name's value is, and that nothing else changes when it gets another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstar_cli.envfile import is_name, values_of, with_values
from cstar_cli.errors import UsageError

NAME = "CSTAR_WEBHOOK_SECRET"
OLD, NEW = "whsec_old", "whsec_new-1_Z"


def changed(text: str) -> str:
    return with_values(text, {NAME: NEW})


@pytest.mark.parametrize(
    "line",
    [
        "{}=whsec_old",
        "export {}=whsec_old",
        "  export  {} = whsec_old  ",
        "{}='whsec_old'",
        '{}="whsec_old"',
        "{}=`whsec_old`",
        '{}="whsec_old" # of mine',
        "{}='whsec_old'# of mine",
        "{}=whsec_old # of mine",
        "{}=\twhsec_old\t# of mine # and yours",
        "\ufeff{}=whsec_old",
    ],
)
@pytest.mark.parametrize("around", ["{}", "A=1\n{}\nB=2\n", "# a\r\n\r\n{}\r\nB='x\r\ny'\r\n", "A=1\r{}\rB=2"])
def test_the_value_alone_is_replaced_however_its_line_is_written(line: str, around: str) -> None:
    bom = "\ufeff" if line.startswith("\ufeff") else ""
    text = bom + around.format(line.removeprefix(bom).format(NAME))
    assert values_of(text, NAME) == [OLD]
    assert changed(text) == text.replace(OLD, NEW)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"{NAME}={NEW}\n"),
        ("\ufeff", f"\ufeff{NAME}={NEW}\n"),
        ("A=1\n", f"A=1\n{NAME}={NEW}\n"),
        ("A=1", f"A=1\n{NAME}={NEW}"),
        ("A=1\r\n", f"A=1\r\n{NAME}={NEW}\r\n"),
        ("A=1\r\nB=2", f"A=1\r\nB=2\r\n{NAME}={NEW}"),
        (f"#{NAME}=x\n", f"#{NAME}=x\n{NAME}={NEW}\n"),
        (f"MY_{NAME}=x\n{NAME}_2=x\n", f"MY_{NAME}=x\n{NAME}_2=x\n{NAME}={NEW}\n"),
        (f'KEY="begin\n{NAME}=x\nend"\n', f'KEY="begin\n{NAME}=x\nend"\n{NAME}={NEW}\n'),
    ],
)
def test_where_the_name_is_missing_it_comes_last(before: str, after: str) -> None:
    assert changed(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}=", "{}=N"),
        ("{}=\nA=1", "{}=N\nA=1"),
        ("{}=''", "{}='N'"),
        ("{}= # none yet", "{}=N # none yet"),
        ("{}=#none yet", "{}=N #none yet"),
        ('A="open\n{}=x\nB="too\n', 'A="open\n{}=N\nB="too\n'),
        ("{}='a' b", "{}=N"),
        ("{}=\u00a0x\n", "{}=N\n"),
    ],
)
def test_odd_values_are_replaced_whole(before: str, after: str) -> None:
    assert changed(before.format(NAME)) == after.format(NAME).replace("=N", f"={NEW}").replace("'N'", f"'{NEW}'")


def test_a_name_that_stands_there_twice_has_the_same_value_twice() -> None:
    assert changed(f"{NAME}=a\nA=1\n{NAME}='b'\n") == f"{NAME}={NEW}\nA=1\n{NAME}='{NEW}'\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [("a b", "'a b'"), ("a#b", "'a#b'"), ("é", "'é'"), ("$a", "'$a'"), ('a"b', "'a\"b'")],
)
def test_what_a_reader_would_take_apart_is_quoted(value: str, written: str) -> None:
    assert with_values("", {NAME: value}) == f"{NAME}={written}\n"
    assert with_values(f'{NAME}="x"\n', {NAME: value}) in (f"{NAME}={written}\n", f'{NAME}="{value}"\n')


@pytest.mark.parametrize("value", ["it's", "a\\b", "${A}"])
def test_what_readers_take_differently_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="use another --secret"):
        with_values("", {NAME: value})


@pytest.mark.parametrize(("text", "good"), [("A", True), ("_a1", True), ("1A", False), ("A-B", False), ("", False)])
def test_a_variables_name_has_letters_digits_and_underscores(text: str, good: bool) -> None:
    assert is_name(text) is good


ENDS = st.sampled_from(["\n", "\r\n", "\r"])
OTHERS = st.sampled_from(
    [
        "",
        "# a comment",
        f"# {NAME}=x",
        "A=1",
        "export B='x y'",
        'C="a\\"b"',
        "D=`x`",
        f"E=${NAME}",
        "é=ü",
        "no value",
        "F=",
    ]
)
OURS = st.sampled_from([f"{NAME}=", f"export {NAME} = ", f"\t{NAME}="])
VALUES = st.text("abcXYZ019_+/=-", min_size=1)
QUOTES = st.sampled_from(["", "'", '"', "`"])


@given(st.lists(st.tuples(OTHERS, ENDS)), OURS, QUOTES, VALUES, VALUES, st.lists(st.tuples(OTHERS, ENDS)), ENDS)
def test_whatever_stands_around_it_stays(
    above: list[tuple[str, str]], ours: str, quote: str, old: str, new: str, below: list[tuple[str, str]], end: str
) -> None:
    before, after = ("".join(line + end for line, end in lines) for lines in (above, below))
    text = f"{before}{ours}{quote}{old}{quote}{end}{after}"
    assert with_values(text, {NAME: new}) == f"{before}{ours}{quote}{new}{quote}{end}{after}"


PIECES = st.sampled_from([*"AB=#'\"`\\ \t\n\r$\u2028", NAME, f"\n{NAME}=", "export "])
ANY_TEXT = st.tuples(st.sampled_from(["", "\ufeff"]), st.lists(PIECES)).map(lambda text: text[0] + "".join(text[1]))


@given(ANY_TEXT, VALUES)
def test_in_any_text_all_of_it_agrees_afterwards_and_stays_so(text: str, value: str) -> None:
    after = with_values(text, {NAME: value})
    assert set(values_of(after, NAME)) == {value}
    assert with_values(after, {NAME: value}) == after


@given(ANY_TEXT, VALUES)
def test_what_is_added_leaves_the_text_before_it_as_it_is(text: str, value: str) -> None:
    if not values_of(text, NAME):
        assert with_values(text, {NAME: value}).startswith(text)
