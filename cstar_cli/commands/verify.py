"""`cstar verify`: whether a signature is that of a body."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cstar_cli import config
from cstar_cli.commands.given_body import STDIN, Secret, read_body, signing_secret
from cstar_cli.commands.ids import DELIVERY, of_kind
from cstar_cli.commands.options import ApiBase
from cstar_cli.errors import CstarError, ExpectationNotMet, UsageError

if TYPE_CHECKING:
    from cstar_cli.resources import DeliveryInFull

HEADER = "x-cstar-signature"


class Signed(msgspec.Struct, frozen=True):
    """A body, and what is said to be its signature."""

    body: bytes
    signature: str


def verify(
    body: Annotated[
        str | None,
        typer.Argument(metavar="[@FILE|-|TEXT]", help="The body: a file's bytes, standard input, or the text itself."),
    ] = None,
    signature: Annotated[
        str | None, typer.Option("--signature", "-s", metavar="TEXT", help=f"What {HEADER} said.")
    ] = None,
    delivery: Annotated[
        str | None,
        typer.Option(metavar="dlv_…", help="Take what isn't given from this delivery.", callback=of_kind(DELIVERY)),
    ] = None,
    secret: Secret = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Say whether a signature is that of a body; exit 5 when it isn't.

    With --delivery, body and signature are those that were sent, as far as they aren't given: so the body that your
    application saw can be held against the signature that it got.
    """
    key = signing_secret(secret)
    signed = _signed(body, signature, delivery, api_base)
    _judge(signed, key, json=json)


def _judge(signed: Signed, secret: str, *, json: bool) -> None:
    from cstar_cli import signing
    from cstar_cli.commands.saying import say, say_json

    verified = signing.verify(signed.body, signed.signature, secret)
    if json:
        say_json({"verified": verified, "bytes": len(signed.body)})
    elif verified:
        say(f"Verified: it is the signature of these {len(signed.body)} bytes.")
    if not verified:
        raise ExpectationNotMet(
            f"It is not the signature of these {len(signed.body)} bytes under this secret: "
            "the body was changed, or the secret is another one."
        )


def _signed(body: str | None, signature: str | None, delivery: str | None, api_base: str) -> Signed:
    if delivery is not None:
        sent = _sent(delivery, api_base)
        return Signed(
            sent.body if body is None else read_body(body), sent.signature if signature is None else signature
        )
    if signature is None:
        raise UsageError(f"Which signature? Give what {HEADER} said with --signature, or a delivery with --delivery.")
    return Signed(read_body(STDIN if body is None else body), signature)


def _sent(delivery: str, api_base: str) -> Signed:
    """Return what the log of a delivery has."""
    from cstar_cli.commands.dialogue import dialogue
    from cstar_cli.resources import DeliveryInFull

    with dialogue(api_base, json=False, no_color=False) as talk:
        return sent_by(talk.read(talk.get(f"/deliveries/{delivery}"), DeliveryInFull))


def sent_by(delivery: "DeliveryInFull") -> Signed:
    """Return what the last attempt at a delivery sent; raises CstarError where none has sent anything."""
    for attempt in reversed(delivery.attempts):
        for name, value in attempt.request_headers:
            if name.lower() == HEADER:
                return Signed(attempt.request_body.encode(), value)
    raise CstarError(f"No attempt at {delivery.id} has sent anything yet: see cstar deliveries show {delivery.id}")
