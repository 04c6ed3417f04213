"""What is asked often and takes no command to tell: the version, and help. It is told before typer is imported.

`help.txt` holds each command's help as typer makes it for 80 columns where no file sets a default: `make texts`
writes it, and a test holds it current. What is asked in any other way is left to `main`.
"""

import os
import sys
from _collections_abc import Mapping, Sequence  # loaded already, while `collections` would take a while

from cstar_cli import __version__

HELP_OPTIONS = ("-h", "--help")
# Set by a shell's script that asks for completions; see `commands.completion`.
COMPLETION_VARIABLE = "_CSTAR_COMPLETE"
_COLUMNS = 80


def answer(arguments: Sequence[str], env: Mapping[str, str]) -> str | None:
    """Return what to print, or None where only the whole program can tell."""
    if COMPLETION_VARIABLE in env:
        return None
    if [*arguments] == ["--version"]:
        return f"cstar {__version__}\n"
    *command, last = arguments or [""]
    if last not in HELP_OPTIONS or _is_narrow(env) or (command and has_settings(env)):
        return None
    with open(os.path.join(os.path.dirname(__file__), "help.txt"), encoding="utf-8") as file:
        texts = file.read()
    _, _, found = texts.partition(f"\f{' '.join(['cstar', *command])}\n")
    return found.partition("\f")[0] or None


def _is_narrow(env: Mapping[str, str]) -> bool:
    """Tell whether the help may have to be folded for fewer columns."""
    if "COLUMNS" in env or sys.__stdout__ is None:
        return True
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns < _COLUMNS
    except OSError:  # no terminal
        return False


def has_settings(env: Mapping[str, str]) -> bool:
    """Tell whether the user, a login or a project may have set defaults, which the help then shows."""
    home = os.path.expanduser(env.get("CSTAR_HOME") or "~/.cstar")
    if env.get("CSTAR_PROFILE") or os.path.exists(os.path.join(home, "config.toml")):
        return True
    try:
        with open(os.path.join(home, "profiles", "default.json"), "rb") as profile:
            if b'"login"' in profile.read():
                return True
    except FileNotFoundError:
        pass
    folder, above = os.getcwd(), ""
    while folder != above:
        if os.path.exists(os.path.join(folder, "cstar.toml")):
            return True
        folder, above = os.path.dirname(folder), folder
    return False
