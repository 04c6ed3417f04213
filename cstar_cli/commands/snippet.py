"""`cstar snippet`: receivers that verify signatures, for the common stacks."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

FOLDER = Path(__file__).parents[1] / "snippets"


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


def snippet(stack: Annotated[Stack, typer.Argument(help="What your receiver is written with.")]) -> None:
    """Print a receiver that verifies signatures over the raw body, to begin your own with."""
    from cstar_cli.commands.saying import print_text

    print_text((FOLDER / f"{stack}.txt").read_text("utf-8"))
