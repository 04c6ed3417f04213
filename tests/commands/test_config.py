import json
import stat
from pathlib import Path

import pytest

from tests.processes import Env, RunCstar

WITH_COMMENTS = """\
# mine
api_base = "http://127.0.0.1:7000"   # another port

[listen]
forward-to = "4000/hook"
"""


def user_file(home: Env, text: str = "") -> Path:
    file = Path(home["CSTAR_HOME"]) / "config.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_what_is_set_holds_and_is_listed_with_its_file(cstar: RunCstar, home: Env, tmp_path: Path) -> None:
    assert cstar("config", "set", "listen.concurrency", "8").returncode == 0
    assert cstar("config", "set", "--project", "listen.events", '["ticket.*", "boss.*"]').returncode == 0
    file, project = Path(home["CSTAR_HOME"]) / "config.toml", tmp_path / "cstar.toml"
    assert file.read_text() == "[listen]\nconcurrency = 8\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    listed = [json.loads(line) for line in cstar("config", "list", "--json").stdout.splitlines()]
    assert listed == [
        {"key": "listen.concurrency", "value": 8, "origin": str(file)},
        {"key": "listen.events", "value": ["ticket.*", "boss.*"], "origin": str(project)},
    ]
    assert "default: 8;" in " ".join(cstar("listen", "--help").stdout.split())


def test_of_two_files_the_projects_value_is_listed(cstar: RunCstar, home: Env, tmp_path: Path) -> None:
    user_file(home, "[listen]\ntimeout = 1\n")
    (tmp_path / "cstar.toml").write_text("[listen]\ntimeout = 2\n")
    assert cstar("config", "get", "listen.timeout").stdout == "2\n"
    [line] = cstar("config", "list").stdout.splitlines()
    assert line.split("\t")[:2] == ["listen.timeout", "2"]


def test_comments_and_all_else_in_the_file_stay(cstar: RunCstar, home: Env) -> None:
    file = user_file(home, WITH_COMMENTS)
    cstar("config", "set", "listen.forward_to", "5000/hook")
    cstar("config", "set", "listen.quiet", "true")
    assert file.read_text() == WITH_COMMENTS.replace("4000", "5000") + "quiet = true\n"
    cstar("config", "unset", "listen.quiet")
    cstar("config", "unset", "api-base")
    assert file.read_text() == '# mine\n\n[listen]\nforward-to = "5000/hook"\n'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("listne.timeout", "1"), "There is no setting 'listne.timeout'"),
        (("listen.timoeut", "1"), "Valid are: listen.api_base, listen.cacert"),
        (("listen.concurrency", "many"), "listen.concurrency: 'many' is not a whole number"),
        (("listen.timeout", "abc"), "listen.timeout: 'abc' is not a number."),
        (("listen.concurrency", "513"), "listen.concurrency: 513 is not in the range"),
        (("listen.timeout", "[1, 2]"), "must be one value, not a list"),
        (("nothing", "1"), "There is no setting 'nothing'"),
    ],
)
def test_what_no_command_takes_is_refused_and_the_file_left(
    cstar: RunCstar, home: Env, arguments: tuple[str, str], said: str
) -> None:
    file = user_file(home, WITH_COMMENTS)
    done = cstar("config", "set", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert file.read_text() == WITH_COMMENTS


def test_what_is_not_set_exits_1(cstar: RunCstar) -> None:
    assert cstar("config", "get", "listen.timeout").returncode == 1
    assert cstar("config", "unset", "listen.timeout").returncode == 1
    assert cstar("config", "list").stdout == ""


def test_a_file_that_is_no_toml_is_named_with_line_and_column(cstar: RunCstar, home: Env) -> None:
    file = user_file(home, "a = 1\nb == 2\n")
    for arguments in (("set", "listen.timeout", "1"), ("list",)):
        done = cstar("config", *arguments)
        assert done.returncode == 2
        assert f"{file}:2:4: Invalid value." in done.stderr


def test_its_paths_and_editing_without_a_terminal(cstar: RunCstar, home: Env, tmp_path: Path) -> None:
    assert cstar("config", "path").stdout == f"{Path(home['CSTAR_HOME']) / 'config.toml'}\n"
    assert cstar("config", "path", "--project").stdout == f"{tmp_path / 'cstar.toml'}\n"
    assert "needs a terminal" in cstar("config", "edit").stderr
