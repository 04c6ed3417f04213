"""`cstar types`: type definitions of the events, for receivers."""

from enum import StrEnum
from typing import Annotated

import typer

from cstar_cli.commands.options import Wire
from cstar_cli.events.wires import DEFAULT, checked_name

app = typer.Typer(help="Type definitions of the events.", no_args_is_help=True, rich_markup_mode=None)


class Language(StrEnum):
    """The languages that there are definitions for."""

    TYPESCRIPT = "typescript"
    PYTHON = "python"
    GO = "go"


@app.callback()
def types() -> None:
    """Type definitions of the events."""


@app.command("generate")
def generate(
    lang: Annotated[Language, typer.Option("--lang", "-l", help="The language.")], wire: Wire = DEFAULT
) -> None:
    """Print type definitions of all events in a language, for a file of your receiver."""
    from cstar_cli.commands.saying import print_text
    from cstar_cli.events.typings import PRINTERS

    print_text(PRINTERS[lang.value](checked_name(wire)))
