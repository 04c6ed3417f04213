"""`cstar snippet`: receivers that verify signatures, for the common stacks."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cstar_cli.commands.options import Wire
from cstar_cli.events.wires import DEFAULT

FOLDER = Path(__file__).parents[1] / "snippets"
_ONLY_IN = "@@"
"""Begins a line of a snippet's file: what follows is for the wire version that it names, or for all again."""

# The files have the first version's headers.
_HEADERS = {"x-cstar-signature": "x-signature", "x-cstar-delivery": "x-event-id", "x-cstar-event": "x-event-type"}


class Stack(StrEnum):
    """What a receiver is written with."""

    EXPRESS = "express"
    FASTIFY = "fastify"
    NEXT = "next"
    FLASK = "flask"
    FASTAPI = "fastapi"
    DJANGO = "django"
    RAILS = "rails"
    LARAVEL = "laravel"
    GO = "go"
    SPRING = "spring"
    AXUM = "axum"


def snippet(
    stack: Annotated[
        Stack, typer.Argument(metavar="STACK", help=f"What your receiver is written with: {', '.join(Stack)}.")
    ],
    wire: Wire = DEFAULT,
) -> None:
    """Print a receiver that verifies signatures over the raw body, to begin your own with."""
    from cstar_cli.commands.saying import print_text

    print_text(receiver(stack, wire))


def receiver(stack: str, wire: str) -> str:
    """Return the receiver for a wire version; raises UsageError for an unknown version."""
    from cstar_cli.events.wires import checked_name

    text, only = "", None
    wanted = checked_name(wire)
    for line in (FOLDER / f"{stack}.txt").read_text("utf-8").splitlines(keepends=True):
        if line.startswith(_ONLY_IN):
            only = line.removeprefix(_ONLY_IN).strip() or None
        elif only in (None, wanted):
            text += line
    if wanted != DEFAULT:
        for header, later in _HEADERS.items():
            text = text.replace(header, later)
    return text
