"""Options that several commands take."""

from typing import Annotated

import typer

from cstar_cli.commands.completing import complete_globs

ApiBase = Annotated[str, typer.Option(envvar="CSTAR_API_BASE", metavar="URL", help="The cloud's address.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Print without colours.")]
EventGlobs = Annotated[
    list[str] | None,
    typer.Option(
        "--events",
        "-e",
        metavar="GLOBS",
        help="Only these types: ticket.*, *.created, !ticket.updated.",
        autocompletion=complete_globs,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the API's answer, one JSON object a line.")]
Insecure = Annotated[bool, typer.Option("--insecure", help="Take any certificate from an https:// URL of yours.")]
CaCert = Annotated[
    str | None,
    typer.Option("--cacert", metavar="FILE", help="Trust this certificate or authority (PEM), besides the system's."),
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, metavar="N", help="At most so many.")]
