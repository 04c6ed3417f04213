"""`cstar sign`: the signature of a body, as a delivery of it would carry it."""

from typing import Annotated

import typer

from cstar_cli.commands.given_body import STDIN, Secret, read_body, signing_secret, unread_file
from cstar_cli.commands.options import Wire
from cstar_cli.events.wires import DEFAULT


def sign(
    body: Annotated[
        str,
        typer.Argument(metavar="[@FILE|-|TEXT]", help="The body: a file's bytes, standard input, or the text itself."),
    ] = STDIN,
    secret: Secret = None,
    wire: Wire = DEFAULT,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="The time that 2026-03 signs: 10m (ago), 2026-03-26T22:13:30Z, or Unix seconds."
        ),
    ] = None,
) -> None:
    """Print the signature of a body: what x-cstar-signature is for exactly these bytes, or X-Signature in 2026-03.

    Nothing is changed in them. A newline at the end counts: use printf %s rather than echo.
    """
    from cstar_cli.commands.saying import say, say_aside
    from cstar_cli.events import wires

    key = signing_secret(secret)
    at_s = _at_s(at, wire)
    signature = wires.wire(wire).sign(read_body(body), key, at_s)
    if name := unread_file(body):
        say_aside(f"The text itself was signed.{name}")
    say(signature)


def _at_s(at: str | None, wire: str) -> int:
    from cstar_cli.clock import now_ms
    from cstar_cli.commands.durations import moment_ms
    from cstar_cli.errors import UsageError

    if at is None:
        return now_ms() // 1000
    if wire == DEFAULT:
        raise UsageError(f"--at is for --wire 2026-03: wire version {DEFAULT} signs no time.")
    if at.isascii() and at.isdigit() and 9 <= len(at) <= 11:  # seconds since 1970, and no duration
        return int(at)
    return moment_ms(at, now_ms()) // 1000
