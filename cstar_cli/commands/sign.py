"""`cstar sign`: the signature of a body, as a delivery of it would carry it."""

from typing import Annotated

import typer

from cstar_cli.commands.given_body import STDIN, Secret, read_body, signing_secret


def sign(
    body: Annotated[
        str,
        typer.Argument(metavar="[@FILE|-|TEXT]", help="The body: a file's bytes, standard input, or the text itself."),
    ] = STDIN,
    secret: Secret = None,
) -> None:
    """Print the signature of a body: what x-cstar-signature is for exactly these bytes.

    Nothing is changed in them. A newline at the end counts: use printf %s rather than echo.
    """
    from cstar_cli import signing
    from cstar_cli.commands.saying import say

    key = signing_secret(secret)
    say(signing.sign(read_body(body), key))
