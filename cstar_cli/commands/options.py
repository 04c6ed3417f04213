"""Options that several commands take."""

from typing import Annotated

import typer

ApiBase = Annotated[str, typer.Option(envvar="CSTAR_API_BASE", metavar="URL", help="The cloud's address.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Print without colours.")]
EventGlobs = Annotated[
    list[str] | None,
    typer.Option("--events", "-e", metavar="GLOBS", help="Only these types: ticket.*, *.created, !ticket.updated."),
]
