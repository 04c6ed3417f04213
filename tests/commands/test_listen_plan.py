"""What one `listen` is to do, made of what its options say."""

import enum
from pathlib import Path

import pytest

from cstar_cli.commands.listen_plan import hand_over


class From(enum.Enum):
    COMMANDLINE = enum.auto()
    DEFAULT_MAP = enum.auto()


class Given:
    """A context whose options all come from one place."""

    def __init__(self, source: From, *words: str) -> None:
        self.args = [*words]
        self._source = source

    def get_parameter_source(self, _: str, /) -> From:
        return self._source


def test_a_variable_for_a_secret_that_nobody_gets_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert hand_over(Given(From.COMMANDLINE), "whsec_1", ["SECRET"], None) is None
    assert "name your application behind --, or a file with --env-file" in capsys.readouterr().err


@pytest.mark.parametrize(("given", "file"), [(From.COMMANDLINE, "app.env"), (From.DEFAULT_MAP, None)])
def test_a_variable_that_is_used_or_that_a_file_names_is_not(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, given: From, file: str | None
) -> None:
    hand_over(Given(given), "whsec_1", ["SECRET"], None if file is None else tmp_path / file)
    assert "--secret-env" not in capsys.readouterr().err
