"""`cstar verify`: whether a signature is that of a body."""

from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
import typer

from cstar_cli import config, signing
from cstar_cli.clock import now_ms
from cstar_cli.commands.given_body import STDIN, Secret, read_body, signing_secret
from cstar_cli.commands.ids import DELIVERY, of_kind
from cstar_cli.commands.options import ApiBase
from cstar_cli.errors import CstarError, ExpectationNotMet, UsageError

if TYPE_CHECKING:
    from cstar_cli.resources import DeliveryInFull
    from cstar_cli.suspicions.explaining import Explanation

HEADER = "x-cstar-signature"
MORE = "More: docs/signatures.md, README.md#verifying-a-signature"


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
    explain: Annotated[
        bool, typer.Option("--explain", help="Find out why it doesn't verify, and how to mend it.")
    ] = False,
    other_secret: Annotated[
        list[str] | None, typer.Option(metavar="WHSEC", help="Another secret for --explain to try, like an old one.")
    ] = None,
    id: Annotated[str | None, typer.Option(metavar="TEXT", help="What webhook-id said, for --explain.")] = None,
    timestamp: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What webhook-timestamp said, for --explain.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Say whether a signature is that of a body; exit 5 when it isn't.

    With --delivery, body and signature are those that were sent, as far as they aren't given: so the body that your
    application saw can be held against the signature that it got. --explain names what went wrong: a body that was
    parsed and written again, a secret without its whsec_, another form of the signature, and much more.
    """
    key = signing_secret(secret)
    signed = _signed(body, signature, delivery, api_base)
    if signing.verify(signed.body, signed.signature, key):
        _say_verified(signed, json=json)
        return
    explanation = None
    if explain:
        from cstar_cli.commands.other_secrets import other_secrets
        from cstar_cli.suspicions.explaining import Case
        from cstar_cli.suspicions.explaining import explain as explained
        from cstar_cli.suspicions.forms import Given

        given = Given(signed.signature, id, timestamp)
        others = other_secrets(other_secret or [])
        explanation = explained(Case(signed.body, given, key, others, now_ms() // 1000))
    _say_why(signed, explanation, json=json)


def _say_verified(signed: Signed, *, json: bool) -> None:
    from cstar_cli.commands.saying import say, say_json

    if json:
        say_json({"verified": True, "bytes": len(signed.body)})
    else:
        say(f"Verified: it is the signature of these {len(signed.body)} bytes.")


def _say_why(signed: Signed, explanation: "Explanation | None", *, json: bool) -> NoReturn:
    """Say what was found, and end with ExpectationNotMet."""
    from cstar_cli.commands.saying import say, say_json

    if json:
        result: dict[str, object] = {"verified": False, "bytes": len(signed.body)}
        if explanation is not None:
            result |= {"findings": explanation.findings, "hints": explanation.hints, "tried": explanation.tried}
        say_json(result)
    elif explanation is not None:
        say(*told(explanation), MORE)
    raise ExpectationNotMet(
        f"It is not the signature of these {len(signed.body)} bytes under this secret."
        + ("" if explanation else " Why? --explain tries what usually goes wrong.")
    )


def told(explanation: "Explanation") -> list[str]:
    """Return an explanation in lines."""
    if explanation.findings:
        return [line for each in explanation.findings for line in (f"{each.what}.", f"    {each.mend}")]
    ended = ", and not all was, for the body is large" if explanation.gave_up else ""
    nothing = (
        f"Nothing that usually goes wrong gives this signature ({explanation.tried} combinations were tried{ended})."
    )
    likeliest = "Most likely it was made with another secret: give it with --secret, or an old one with --other-secret."
    return [nothing, *(explanation.hints or (likeliest,))]


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
