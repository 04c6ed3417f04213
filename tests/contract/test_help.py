import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import Env, RunCstar

from .commands_page import commands_page
from .help_texts import help_texts
from .project import PAGES, ROOT, TREE

WRITTEN = (ROOT / "cstar_cli" / "help.txt").read_text("utf-8")
HELPS = {name: WRITTEN.partition(f"\fcstar{name and f' {name}'}\n")[2].partition("\f")[0] for name in TREE}
GROUPS = [name for name, command in TREE.items() if command.is_group]


def title(name: str) -> str:
    return name or "cstar"


COMMANDS = pytest.mark.parametrize("name", TREE, ids=title)


@COMMANDS
def test_help_fits_a_terminal_of_80_columns_and_has_no_colour(name: str) -> None:
    assert max(map(len, HELPS[name].splitlines())) <= 80
    assert "\x1b" not in HELPS[name]


@COMMANDS
def test_every_option_is_explained(name: str) -> None:
    assert [option for option, text in TREE[name].helps.items() if not text] == []


@COMMANDS
def test_help_names_every_option_of_the_command(name: str) -> None:
    long_options = {option for option in TREE[name].options if option.startswith("--")}
    assert [option for option in long_options if option not in HELPS[name]] == []


@COMMANDS
def test_every_option_has_a_variable_which_the_help_names(name: str) -> None:
    shown = " ".join(HELPS[name].split())
    long_options = {option for option in TREE[name].options if option.startswith("--")} - {
        "--help",
        "--version",
        "--no-follow",
    }
    assert len(set(re.findall(r"env var: (CSTAR_\w+)", shown))) == len(long_options)


@pytest.mark.parametrize("name", GROUPS, ids=title)
def test_a_group_alone_shows_its_help(cstar: RunCstar, name: str) -> None:
    done = cstar(*name.split())
    assert "Commands:" in done.stdout + done.stderr


def test_the_file_with_all_helps_is_current() -> None:
    assert help_texts() == WRITTEN, "make texts writes it anew"


def test_the_page_with_all_commands_is_current_and_has_every_variable() -> None:
    page = PAGES["docs/commands.md"]
    assert page == commands_page(), "make texts writes it anew"
    variables = {found for text in HELPS.values() for found in re.findall(r"env var:\s+(CSTAR_\w+)", text)}
    assert [variable for variable in variables if f"`{variable}`" not in page] == []


def test_the_file_says_what_the_program_says(cstar: RunCstar, home: Env) -> None:
    unfolded = {name: value for name, value in home.items() if name != "COLUMNS"}
    for arguments in (["--help"], ["-h"], ["listen", "--help"], ["cloud", "keys", "create", "-h"]):
        assert cstar(*arguments, env=unfolded).stdout == cstar(*arguments).stdout != ""


def test_the_roots_help_fits_a_narrow_terminal(home: Env, tmp_path: Path) -> None:
    narrow = {**home, "COLUMNS": "60"}
    done = subprocess.run(
        [sys.executable, "-m", "cstar_cli", "--help"],
        env=narrow,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert max(map(len, done.stdout.splitlines())) <= 60
    assert "completion" in done.stdout
