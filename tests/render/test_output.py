"""What the terminal is like."""

import shutil

import pytest

from cstar_cli.render.output import columns


@pytest.mark.parametrize("given", ["120", "+120", "1_00", " 90 ", "0", "-3", "wide", "", "9" * 5000, None])
def test_the_width_is_that_which_shutil_says(given: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if given is not None:
        monkeypatch.setenv("COLUMNS", given)
    assert columns() == shutil.get_terminal_size((80, 24)).columns


def test_a_terminal_says_how_wide_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("os.get_terminal_size", lambda _: __import__("os").terminal_size((132, 50)))
    assert columns() == 132
