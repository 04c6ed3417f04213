from pathlib import Path

import pytest

from cstar_cli import __version__, config
from cstar_cli.profiles import Login
from cstar_cli.shortcut import answer

HELP = "Usage: cstar listen"


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    (tmp_path / "project" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project" / "below")
    return {"CSTAR_HOME": str(tmp_path / "home")}


def test_the_version_is_known(env: dict[str, str]) -> None:
    assert answer(["--version"], env) == f"cstar {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["--help"], "Usage: cstar [OPTIONS]"),
        (["-h"], "Usage: cstar [OPTIONS]"),
        (["listen", "--help"], HELP),
        (["cloud", "keys", "list", "-h"], "Usage: cstar cloud keys list"),
    ],
)
def test_every_help_is_known(arguments: list[str], begins: str, env: dict[str, str]) -> None:
    assert (answer(arguments, env) or "").startswith(begins)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["listen"],
        ["--version", "listen"],
        ["--help", "--help"],
        ["listen", "--json", "--help"],
        ["listen", "trigger", "--help"],
        ["nothing", "--help"],
        ["", "--help"],
        ["listen\nUsage:", "--help"],
    ],
    ids=" ".join,
)
def test_whatever_else_is_asked_is_left_to_the_program(arguments: list[str], env: dict[str, str]) -> None:
    assert answer(arguments, env) is None


@pytest.mark.parametrize(
    "more", [{"COLUMNS": "60"}, {"_CSTAR_COMPLETE": "complete_bash"}, {"CSTAR_PROFILE": "work"}], ids=str
)
def test_what_changes_the_help_is_left_to_the_program(more: dict[str, str], env: dict[str, str]) -> None:
    assert answer(["listen", "--help"], {**env, **more}) is None


@pytest.mark.parametrize("place", ["home/config.toml", "project/cstar.toml", "project/below/cstar.toml"])
def test_where_a_file_may_set_defaults_the_help_of_commands_is_left_to_the_program(
    place: str, env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / place).touch()
    assert answer(["listen", "--help"], env) is None
    assert answer(["--help"], env) is not None


def test_a_login_sets_a_default_and_a_profile_alone_sets_none(env: dict[str, str]) -> None:
    profiles = config.home(env).profiles
    profiles.get("default")
    assert answer(["listen", "--help"], env) is not None
    profiles.log_in("default", Login("https://cloud.test", "team", "sk_live_mine"))
    assert answer(["listen", "--help"], env) is None
