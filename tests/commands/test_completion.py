import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cstar_cli.commands.completing import complete_globs
from cstar_cli.commands.completion import SCRIPTS, Shell, detect, install_for
from cstar_cli.commands.remembered import remember
from cstar_cli.commands.shells import quoted
from cstar_cli.config import Home
from cstar_cli.errors import CstarError, UsageError
from cstar_cli.events.catalogue import names
from cstar_cli.profiles import Login
from tests.processes import Env, RunCstar

FOLDER = Path(__file__).parents[2] / "completions"
FILES = {Shell.BASH: "cstar.bash", Shell.ZSH: "_cstar", Shell.FISH: "cstar.fish", Shell.POWERSHELL: "cstar.ps1"}

# Asks the script, within its own shell, to complete what was typed so far.
ASKING = {
    Shell.BASH: """
        source "$0"; IFS=' ' read -ra COMP_WORDS <<< "$1"; [[ $1 == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _cstar_completion cstar; printf '%s\\n' "${COMPREPLY[@]}"
    """,
    Shell.ZSH: """
        compdef() { : }; source "$0"; _arguments() { print -r -- "$@" }
        words=(${(s: :)1}); [[ $1 == *' ' ]] && words+=(''); CURRENT=$#words; _cstar_completion
    """,
    Shell.FISH: "source $argv[1]; complete -C $argv[2]",
}
CLOUD = "http://127.0.0.1:7827"
KNOWN = ("whk_1", "whk_2", "whk_3", "ses_1", "laptop-2", "default", "staging")
INSTALLED = [shell for shell in ASKING if shutil.which(shell.value)]


@pytest.fixture
def path_with_cstar(tmp_path: Path, home: Env) -> dict[str, str]:
    program = tmp_path / "bin" / "cstar"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m cstar_cli "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {**home, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


def completed(shell: Shell, typed: str, env: Env) -> str:
    command = [shell.value, "-c", ASKING[shell]]
    command += ["--"] if shell is Shell.FISH else []
    done = subprocess.run(
        [*command, str(FOLDER / FILES[shell]), typed], env=dict(env), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("shell", Shell)
def test_the_files_for_packagers_are_current(shell: Shell) -> None:
    assert (FOLDER / FILES[shell]).read_text() == SCRIPTS[shell]


@pytest.mark.parametrize("shell", Shell)
def test_show_prints_the_script(cstar: RunCstar, shell: Shell) -> None:
    assert cstar("completion", "show", shell.value).stdout == SCRIPTS[shell]


@pytest.mark.parametrize("shell", INSTALLED)
def test_a_real_shell_completes_commands(shell: Shell, path_with_cstar: Env) -> None:
    text = completed(shell, "cstar ", path_with_cstar)
    assert all(command in text for command in ("listen", "trigger", "logs", "cloud", "completion"))


@pytest.mark.parametrize("shell", INSTALLED)
def test_a_real_shell_completes_event_types(shell: Shell, path_with_cstar: Env) -> None:
    text = completed(shell, "cstar trigger ticket.", path_with_cstar)
    assert [name for name in names() if name in text] == [name for name in names() if name.startswith("ticket.")]


@pytest.mark.parametrize("shell", INSTALLED)
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("cstar webhooks show ", {"whk_1", "whk_2"}),
        ("cstar webhooks update whk_2", {"whk_2"}),
        ("cstar --profile staging webhooks show ", {"whk_3"}),
        ("cstar events resend evt_1 --session ", {"ses_1", "laptop-2"}),
        ("cstar logs tail --target ", {"whk_1", "whk_2", "ses_1", "laptop-2"}),
        ("cstar --profile ", {"default", "staging"}),
    ],
)
def test_a_real_shell_completes_what_commands_have_seen(
    shell: Shell, typed: str, offered: set[str], path_with_cstar: Env
) -> None:
    home = Home(Path(path_with_cstar["CSTAR_HOME"]))
    remember(home, CLOUD, "whk", [("whk_1", "one https://app.test/"), ("whk_2", "$(touch owned) `touch owned`")])
    remember(home, CLOUD, "ses", [("ses_1", "http://localhost:3000/")])
    remember(home, CLOUD, "name", [("laptop-2", "http://localhost:3000/"), ("$(touch owned)", "")])
    remember(Home(home.path, "staging"), CLOUD, "whk", [("whk_3", "")])
    home.profiles.get("default")
    home.profiles.log_in("staging", Login("https://staging.test", "team", "sk_test_1"))
    text = completed(shell, typed, path_with_cstar)
    assert {word for word in KNOWN if word in text} == offered
    assert not (FOLDER.parent / "owned").exists()


def test_nothing_is_offered_where_nothing_was_seen(path_with_cstar: Env) -> None:
    assert completed(Shell.BASH, "cstar webhooks show ", path_with_cstar).strip() == ""


def test_a_broken_settings_file_stops_no_completion(path_with_cstar: Env, tmp_path: Path) -> None:
    home = Home(Path(path_with_cstar["CSTAR_HOME"]))
    remember(home, CLOUD, "whk", [("whk_1", "one")])
    (home.path / "config.toml").write_text("profile = [")
    assert completed(Shell.BASH, "cstar webhooks show ", path_with_cstar).split() == ["whk_1"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (
            "tick",
            [
                "ticket.*",
                "ticket.created",
                "ticket.updated",
                "ticket.closed",
                "ticket.message_added",
                "ticket.deleted",
                "ticket.assigned",
            ],
        ),
        ("boss.spawned,!ticket.c", ["boss.spawned,!ticket.created", "boss.spawned,!ticket.closed"]),
        ("*", []),
    ],
)
def test_the_last_pattern_of_a_list_is_completed(typed: str, offered: list[str]) -> None:
    assert [value for value, _ in complete_globs(typed)] == offered


@pytest.mark.parametrize(
    ("text", "within_quotes"),
    [
        ("a:b", r"a\\:b"),
        ('a" b', 'a"" b'),
        ("it's", "it''s"),
        ("$(x)", r"\$(x)"),
        ("`x`", r"\`x\`"),
        ("a\\", r"a\\"),
    ],
)
def test_what_stands_beside_a_value_can_not_leave_its_quotes_in_zsh(text: str, within_quotes: str) -> None:
    assert quoted(text) == within_quotes


@pytest.mark.parametrize("shell", INSTALLED)
def test_a_real_shell_completes_options(shell: Shell, path_with_cstar: Env) -> None:
    assert "--forward-to" in completed(shell, "cstar listen --forw", path_with_cstar)


@pytest.mark.parametrize(
    ("env", "shell"),
    [
        ({"SHELL": "/bin/bash"}, Shell.BASH),
        ({"SHELL": "/usr/local/bin/zsh"}, Shell.ZSH),
        ({"SHELL": "/opt/fish"}, Shell.FISH),
        ({"SHELL": "/usr/bin/pwsh"}, Shell.POWERSHELL),
        ({"PSModulePath": "C:\\"}, Shell.POWERSHELL),
    ],
)
def test_the_shell_is_found_by_its_variable(env: Env, shell: Shell) -> None:
    assert detect(env) is shell


@pytest.mark.parametrize("env", [{}, {"SHELL": "/bin/dash"}])
def test_an_unknown_shell_is_asked_for(env: Env) -> None:
    with pytest.raises(UsageError, match="cstar completion install bash"):
        detect(env)


@pytest.mark.parametrize(
    ("shell", "path"),
    [
        (Shell.BASH, ".local/share/bash-completion/completions/cstar"),
        (Shell.ZSH, ".zfunc/_cstar"),
        (Shell.FISH, ".config/fish/completions/cstar.fish"),
        (Shell.POWERSHELL, ".config/powershell/cstar.ps1"),
    ],
)
def test_the_script_is_written_where_the_shell_looks_and_nothing_else_is(
    shell: Shell, path: str, tmp_path: Path
) -> None:
    told = install_for(shell, tmp_path, {})
    assert (tmp_path / path).read_text() == SCRIPTS[shell]
    assert str(tmp_path / path) in told[0]
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [tmp_path / path]


def test_the_folders_of_the_xdg_variables_are_respected(tmp_path: Path) -> None:
    install_for(Shell.BASH, tmp_path, {"XDG_DATA_HOME": str(tmp_path / "data")})
    assert (tmp_path / "data/bash-completion/completions/cstar").is_file()


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".zfunc").write_text("a file, no folder")
    with pytest.raises(CstarError, match="Can't write"):
        install_for(Shell.ZSH, tmp_path, {})


def test_install_takes_the_shell_from_the_environment(cstar: RunCstar, home: Env, tmp_path: Path) -> None:
    done = cstar("completion", "install", env={**home, "SHELL": "/bin/bash"})
    assert done.returncode == 0
    assert (tmp_path / ".local/share/bash-completion/completions/cstar").is_file()
