"""A `cstar listen` that is plain to read is run without typer: loading that is a tenth of the way to being ready.

`quick.txt` has those of its options that take a text, a number, a path or nothing, as typer makes them: `make texts`
writes it, and a test holds it current. What is given in any other way, by a file or by another variable, is left to
`main`, and so is whatever is wrong.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Any, cast

from cstar_cli import config
from cstar_cli.deferred import defer
from cstar_cli.errors import ExitCode
from cstar_cli.exits import run_to_exit
from cstar_cli.profiles import DEFAULT_PROFILE
from cstar_cli.shortcut import COMPLETION_VARIABLE, has_settings

NO_OPTIONS = frozenset({"CSTAR_HOME", "CSTAR_API_KEY", "CSTAR_TEAM_ID", "CSTAR_WEBHOOK_SECRET"})
"""Variables that no option takes its value from."""

DECLARING = ("typer", "cstar_cli.commands.listen_options", "cstar_cli.commands.options")
"""What only declares the options, and what that takes."""

Flags = Mapping[str, tuple[str, str]]
"""A flag's spelling → its kind, and the parameter it is for."""
Variables = Mapping[str, str]
"""A variable's name → the parameter it is for."""


def listened(arguments: Sequence[str], env: Mapping[str, str]) -> bool:
    """Run `cstar listen` with these arguments to its end; return False where typer has to look at them."""
    if os.name == "nt" or COMPLETION_VARIABLE in env or _may_have_settings(env):  # Windows leaves wildcards to typer
        return False
    flags, variables = known_options()
    given, set_by_env = parse(arguments, flags), values_of(env, variables)
    if given is None or set_by_env is None:
        return False
    defer(*DECLARING)
    run_to_exit(lambda: _listen(given, set_by_env))
    return True


def parse(arguments: Iterable[str], flags: Flags) -> dict[str, Any] | None:
    """Return what is given by the parameters' names, or None where that isn't plain to see."""
    given: dict[str, Any] = {}
    words = iter(arguments)
    for word in words:
        name, equals, text = word.partition("=") if word.startswith("--") else (word, "", "")
        kind, parameter = flags.get(name, ("", ""))
        if kind == "flag" and not equals:
            given[parameter] = True
            continue
        if not equals:
            text = next(words, "-")
            if text.startswith("-"):
                return None
        if kind == "texts":
            given.setdefault(parameter, []).append(text)
            continue
        value = None if parameter in given else value_of(kind, text)
        if value is None:
            return None
        given[parameter] = value
    return given


def value_of(kind: str, text: str) -> str | Path | float | None:
    """Return what an option of this kind takes a text for, None where typer has to look at it."""
    name, _, bounds = kind.partition(":")
    match name:
        case "text":
            return text
        case "path":
            return Path(text) if os.access(text, os.R_OK) or not Path(text).exists() else None
        case "whole" | "number":
            least, _, most = bounds.partition("..")
            try:
                value = int(text) if name == "whole" else float(text)
            except ValueError:
                return None
            return None if (least and value < float(least)) or (most and value > float(most)) else value
        case _:
            return None


def values_of(env: Mapping[str, str], variables: Variables) -> dict[str, Any] | None:
    """Return what the environment sets by the parameters' names, or None where it sets others than these."""
    ours = {name: value for name, value in env.items() if name.startswith("CSTAR_") and name not in NO_OPTIONS}
    if not ours.keys() <= variables.keys():
        return None
    return {variables[name]: value for name, value in ours.items() if value}


def known_options() -> tuple[Flags, Variables]:
    """Return what the table says."""
    rows = [line.split() for line in Path(__file__).with_name("quick.txt").read_text("utf-8").splitlines()]
    flags = {flag: (kind, parameter) for kind, parameter, _, *flags in rows for flag in flags}
    return flags, {variable: parameter for kind, parameter, variable, *_ in rows if kind == "text"}


def _may_have_settings(env: Mapping[str, str]) -> bool:
    try:
        return has_settings(env)
    except OSError:  # whatever it is, typer's way finds it too, and ends as it should
        return True


class _Source(Enum):
    COMMANDLINE = auto()
    ENVIRONMENT = auto()


class _Context:
    """What a command asks typer's context."""

    def __init__(self, sources: Mapping[str, _Source]) -> None:
        self._sources = sources
        self.args: list[str] = []

    def get_parameter_source(self, name: str) -> _Source | None:
        return self._sources.get(name)


def _listen(given: Mapping[str, Any], set_by_env: Mapping[str, Any]) -> None:
    from cstar_cli.commands.listen import listen

    os.environ[config.PROFILE_VARIABLE] = DEFAULT_PROFILE
    sources = dict.fromkeys(set_by_env, _Source.ENVIRONMENT) | dict.fromkeys(given, _Source.COMMANDLINE)
    try:
        listen(cast(Any, _Context(sources)), **{**set_by_env, **given})
    except BrokenPipeError:
        raise SystemExit(ExitCode.FAILED) from None  # quietly, as typer does
