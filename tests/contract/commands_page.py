"""`docs/commands.md`: every command as the program knows it."""

import re
from typing import Any

import typer

from cstar_cli.main import app

from .help_texts import help_texts
from .project import TREE

_START = """\
# Commands

Every command with its options, made from the program by `make texts`. `cstar COMMAND --help` says the same. An option's
variable is where its value is taken from when the option isn't given; see [Settings](../README.md#settings).
"""


def commands_page() -> str:
    """Return the page."""
    helps = dict(re.findall(r"\fcstar ?([^\n]*)\n([^\f]*)", help_texts()))
    return "".join([_START, *(_section(name, helps[name]) for name in TREE if not (name and TREE[name].is_group))])


def _section(name: str, help: str) -> str:
    usage = re.sub(r"\s+", " ", help.partition("\n\n")[0].removeprefix("Usage: "))
    parameters = _command(name).params
    given = [each for each in parameters if each.param_type_name == "argument"]
    options = [each for each in parameters if each.param_type_name == "option" and each.name != "help"]
    about = "\n\n".join(re.sub(r"\s*\n\s*", " ", part) for part in (_command(name).help or "").split("\n\n"))
    rows = [f"| `{each.make_metavar(_context(name))}` | {_text(each.help)} | |\n" for each in given]
    rows += [f"| {_names(each, name)} | {_text(each.help)} | {_variable(each, name, help)} |\n" for each in options]
    table = "".join(["\n| | | variable |\n|---|---|---|\n", *rows]) if rows else ""
    return f"\n## cstar{name and f' {name}'}\n\n```text\n{usage}\n```\n\n{about}\n{table}"


def _command(name: str) -> Any:
    command: Any = typer.main.get_command(app)
    for word in name.split():
        command = command.commands[word]
    return command


def _context(name: str) -> Any:
    return typer.Context(_command(name))


def _names(option: Any, name: str) -> str:
    metavar = "" if option.is_flag else f" {option.make_metavar(_context(name))}"
    return f"`{', '.join([*option.opts, *option.secondary_opts])}{metavar}`".replace("|", "\\|")


def _text(help: str | None) -> str:
    return (help or "").replace("|", "\\|")


def _variable(option: Any, name: str, help: str) -> str:
    words = (["CSTAR", *name.split(), option.name], ["CSTAR", option.name])
    automatic = ["_".join(each).replace("-", "_").upper() for each in words]
    named = [option.envvar] if isinstance(option.envvar, str) else option.envvar or automatic
    return ", ".join(f"`{each}`" for each in named if re.search(rf"env\s+var:\s+{each}\b", help))


if __name__ == "__main__":
    print(commands_page(), end="")
