"""Options and arguments that several commands take."""

from typing import Annotated, Any

import typer

from cstar_cli.commands.completing import complete_globs, complete_wire, ids
from cstar_cli.commands.ids import DELIVERY, EVENT, WEBHOOK, of_kind


def known_wire(name: str | None) -> str | None:
    """Return the name of a wire version, or refuse it."""
    from cstar_cli.events.wires import checked_name

    return None if name is None else checked_name(name)


def _wire(help: str, variable: str | None = None) -> Any:
    return typer.Option(
        "--wire", envvar=variable, metavar="VERSION", help=help, callback=known_wire, autocompletion=complete_wire
    )


WIRE_VARIABLE = "CSTAR_WIRE"
_WHICH_WIRE = "The wire version: 2025-12 or 2026-03."

ApiBase = Annotated[str, typer.Option(envvar="CSTAR_API_BASE", metavar="URL", help="The cloud's address.")]
Wire = Annotated[str, _wire(_WHICH_WIRE, WIRE_VARIABLE)]
WireIfGiven = Annotated[str | None, _wire(_WHICH_WIRE, WIRE_VARIABLE)]
# Its parameter has another name than the others': [webhooks] wire is for those that are made, and changes none.
NewWire = Annotated[str | None, _wire("Another wire version, from the next attempt on.")]
KeptWire = Annotated[str | None, _wire("Keep it in the profile: the wire version of what commands send and take.")]
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


def _argument(kind: str, help: str) -> Any:
    return typer.Argument(metavar="ID", help=help, callback=of_kind(kind), autocompletion=ids(kind))


WebhookId = Annotated[str, _argument(WEBHOOK, "The webhook's id, whk_….")]
EventId = Annotated[str, _argument(EVENT, "The event's id, evt_….")]
DeliveryId = Annotated[str, _argument(DELIVERY, "The delivery's id, dlv_….")]
