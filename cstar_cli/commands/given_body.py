"""A body as `sign` and `verify` are given it, to the byte; and the secret they work with."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cstar_cli import config
from cstar_cli.commands.completing import complete_wire
from cstar_cli.commands.options import known_wire
from cstar_cli.errors import UsageError
from cstar_cli.profiles import checked_secret

STDIN = "-"
_MOST_NAME = 255
MOST_BYTES = 8 * 1024 * 1024  # an event has at most one MiB, and written again or in UTF-16 it grows

Secret = Annotated[
    str | None,
    typer.Option(envvar="CSTAR_SECRET", metavar="WHSEC", help="The signing secret. [default: the profile's]"),
]


WireOfSignature = Annotated[
    str | None,
    typer.Option(
        "--wire",
        metavar="VERSION",
        help="The wire version: 2025-12 or 2026-03. [default: what the signature looks like]",
        callback=known_wire,
        autocompletion=complete_wire,
    ),
]


def signing_secret(given: str | None) -> str:
    """Return the secret that is given, or else the one that `cstar listen` signs with."""
    own = config.home(os.environ).profile().signing_secret if given is None else given
    return checked_secret(own, "--secret (or CSTAR_SECRET)")


def read_body(given: str) -> bytes:
    """Return the bytes of `@file`, of standard input for `-`, or of the text itself; raises UsageError."""
    if given == STDIN:
        return _within_bounds(_stdin())
    if not given.startswith("@"):
        return _within_bounds(given.encode("utf-8", "surrogateescape"))
    if given == "@":
        raise UsageError("Which file? Write @ and its name, like @body.json.")
    try:
        with Path(given[1:]).expanduser().open("rb") as file:
            return _within_bounds(file.read(MOST_BYTES + 1))
    except (OSError, RuntimeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UsageError(f"Can't read {given[1:]}: {reason}.") from error


def unread_file(given: str | None) -> str:
    """Say how a file is given, where the text that was given is one's name."""
    try:
        is_name = given is not None and len(given) <= _MOST_NAME and given != STDIN and Path(given).is_file()
    except (OSError, ValueError):
        is_name = False
    return f" {given} is a file here: write @{given} for what it holds." if is_name else ""


def _stdin() -> bytes:
    if sys.stdin is None:  # its descriptor was closed
        raise UsageError("There is no standard input to read the body from: give it as @FILE.")
    if sys.stdin.isatty():
        from cstar_cli.commands.saying import say_aside

        say_aside("Type or paste the body; Ctrl-D ends it, Ctrl-C gives up. (Else give @FILE, or pipe it.)")
    return sys.stdin.buffer.read(MOST_BYTES + 1)


def _within_bounds(body: bytes) -> bytes:
    if len(body) > MOST_BYTES:
        raise UsageError(
            f"The body is larger than {MOST_BYTES >> 20} MiB, and an event has at most one: is it the right file?"
        )
    return body
