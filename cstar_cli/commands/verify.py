"""`cstar verify`: whether a signature is that of a body."""

import re
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
import typer

from cstar_cli import config
from cstar_cli.clock import now_ms
from cstar_cli.commands.completing import ids
from cstar_cli.commands.durations import seconds
from cstar_cli.commands.given_body import STDIN, Secret, WireOfSignature, read_body, signing_secret, unread_file
from cstar_cli.commands.ids import DELIVERY, of_kind
from cstar_cli.commands.options import ApiBase
from cstar_cli.errors import ExpectationNotMet, UsageError
from cstar_cli.events.wires.verifying import (
    EARLIER,
    PLAIN,
    STANDARD,
    TIMED,
    WINDOW_S,
    Given,
    Verified,
    verified,
    verified_as_other,
    wire_of,
)

if TYPE_CHECKING:
    from cstar_cli.commands.logged import Logged
    from cstar_cli.suspicions.explaining import Explanation

Signature = Annotated[
    str | None,
    typer.Option(
        "--signature", "-s", metavar="TEXT", help="What x-cstar-signature, X-Signature or webhook-signature said."
    ),
]
DeliveryToTake = Annotated[
    str | None,
    typer.Option(
        metavar="dlv_…",
        help="Take what isn't given from this delivery.",
        callback=of_kind(DELIVERY),
        autocompletion=ids(DELIVERY),
    ),
]

MORE = "More: docs/signatures.md, README.md#verifying-a-signature"
_HEADER_NAME = re.compile(r"\s*(?:x-cstar-signature|x-signature|webhook-signature)\s*:\s*", re.I)


class Signed(msgspec.Struct, frozen=True):
    """A body, what is said to be its signature, and the receiver's time; `log` is what the log has of it."""

    body: bytes
    given: Given
    wire: str | None
    now_s: int
    log: "Logged | None" = None


def verify(
    body: Annotated[
        str | None,
        typer.Argument(metavar="[@FILE|-|TEXT]", help="The body: a file's bytes, standard input, or the text itself."),
    ] = None,
    signature: Signature = None,
    delivery: DeliveryToTake = None,
    attempt: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Which attempt at the delivery. [default: the last]")
    ] = None,
    secret: Secret = None,
    wire: WireOfSignature = None,
    tolerance: Annotated[
        str, typer.Option(metavar="TIME", help="How far a signature's time may lie from now, like 300s or 2h.")
    ] = f"{WINDOW_S}s",
    explain: Annotated[
        bool, typer.Option("--explain", help="Find out why it doesn't verify, and how to mend it.")
    ] = False,
    other_secret: Annotated[
        list[str] | None, typer.Option(metavar="WHSEC", help="Another secret for --explain to try, like an old one.")
    ] = None,
    id: Annotated[str | None, typer.Option(metavar="TEXT", help="What webhook-id said.")] = None,
    timestamp: Annotated[str | None, typer.Option(metavar="TEXT", help="What webhook-timestamp said.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Say whether a signature is that of a body; exit 5 when it isn't.

    With --delivery, body and signature are those that were sent, as far as they aren't given: so the body that your
    application saw can be held against the signature that it got. --explain names what went wrong: a body that was
    parsed and written again, a secret without its whsec_, another form of the signature, and much more.
    """
    key = signing_secret(secret)
    tolerance_s = seconds("--tolerance", tolerance, "0s", "36500d")
    if attempt is not None and delivery is None:
        raise UsageError("--attempt is for --delivery: it says which of its attempts.")
    from_log = _log(delivery, attempt, api_base)
    signed = _signed(body, None if signature is None else Given(_bare(signature), id, timestamp), wire, from_log)
    found = verified(signed.body, signed.given, key, signed.wire)
    late = () if found is None else _late(found, signed.now_s, tolerance_s)
    if found is not None and not late:
        _say_verified(signed, found, json=json)
        return
    if found is None and not explain and (other := _as_other(signed, key)):
        _say_of_other(signed, other, json=json)
    explanation = _explained(signed, key, other_secret or [], tolerance_s) if explain else None
    hint = unread_file(body) or ("" if signed.log is None else _whose(signed.log, key, given=secret is not None))
    _say_why(signed, late, explanation, hint, json=json)


def _explained(signed: Signed, key: str, more_secrets: list[str], tolerance_s: float) -> "Explanation":
    from cstar_cli.commands.other_secrets import other_secrets
    from cstar_cli.suspicions.explaining import Case, explain

    others = other_secrets(more_secrets)
    sent = None if signed.log is None else signed.log.body
    return explain(Case(signed.body, signed.given, key, others, signed.now_s, signed.wire, tolerance_s, sent))


def _as_other(signed: Signed, key: str) -> Verified | None:
    return verified_as_other(signed.body, signed.given, key, signed.wire)


def _whose(log: "Logged", key: str, *, given: bool) -> str:
    from cstar_cli.commands.logged import whose_secret

    return whose_secret(log, key, given=given)


def _log(delivery: str | None, attempt: int | None, api_base: str) -> "Logged | None":
    if delivery is None:
        return None
    from cstar_cli.commands.logged import logged

    return logged(delivery, attempt, api_base)


def _bare(signature: str) -> str:
    """Return a header's value, where its name was given with it."""
    named = _HEADER_NAME.match(signature)
    return signature if named is None else signature[named.end() :].rstrip()


def _signed(body: str | None, given: Given | None, wire: str | None, log: "Logged | None") -> Signed:
    now_s = now_ms() // 1000
    if log is None:
        if given is None:
            raise UsageError(
                "Which signature? Give what x-cstar-signature or X-Signature said with --signature, or a delivery "
                "with --delivery."
            )
        return Signed(read_body(STDIN if body is None else body), given, wire, now_s)
    if given is None:
        given = log.given
    elif given.message_id is None and given.timestamp is None:
        given = Given(given.text, log.given.message_id, log.given.timestamp)
    return Signed(log.body if body is None else read_body(body), given, wire or log.wire, log.at_s, log)


def _late(found: Verified, now_s: int, tolerance_s: float) -> tuple[str, ...]:
    """Say what is wrong with the time of a signature that is right, and what to do."""
    from cstar_cli.suspicions.explaining import skew

    findings = () if found.at_s is None else skew(found.at_s, now_s, tolerance_s)
    return tuple(f"{each.what}. {each.mend}" for each in findings)


def _form(found: Verified) -> str:
    forms = {
        PLAIN: "",
        EARLIER: ", in the form that was between the wire versions",
        STANDARD: ", by Standard Webhooks",
    }
    return forms.get(found.form, f", in wire version {found.form}")


def _bytes(body: bytes) -> str:
    return "this one byte" if len(body) == 1 else f"these {len(body)} bytes"


def _say_verified(signed: Signed, found: Verified, *, json: bool) -> None:
    from cstar_cli.commands.saying import say, say_json

    if json:
        say_json({"verified": True, "bytes": len(signed.body)} | _in_json(found, signed.now_s))
    else:
        say(f"Verified: it is the signature of {_bytes(signed.body)}{_form(found)}.")


def _in_json(found: Verified, now_s: int) -> dict[str, object]:
    names = {EARLIER: "sha256", STANDARD: "standard"}
    form: dict[str, object] = {"form": names.get(found.form, found.form)}
    return form if found.at_s is None else form | {"age_s": now_s - found.at_s}


def _say_of_other(signed: Signed, found: Verified, *, json: bool) -> NoReturn:
    """Say that it would be right in another wire version, and end with ExpectationNotMet."""
    from cstar_cli.commands.saying import say_json

    if json:
        say_json({"verified": False, "bytes": len(signed.body), "right_in": _in_json(found, signed.now_s)["form"]})
    taken_as = signed.wire or wire_of(signed.given.text)
    verify_with = PLAIN if found.form == PLAIN else TIMED
    whose = "the form that was between the wire versions" if found.form == EARLIER else f"wire version {found.form}"
    raise ExpectationNotMet(
        f"It is the signature of {_bytes(signed.body)} in {whose}, and was verified as one of {taken_as}. "
        f"--wire {verify_with} takes it. For {taken_as}, cstar listen --wire {taken_as} sends that, and "
        f"cstar snippet --wire {taken_as} prints a receiver that verifies it."
    )


def _say_why(
    signed: Signed, late: tuple[str, ...], explanation: "Explanation | None", hint: str, *, json: bool
) -> NoReturn:
    """Say what was found, and end with ExpectationNotMet."""
    from cstar_cli.commands.saying import say, say_json

    if json:
        result: dict[str, object] = {"verified": False, "bytes": len(signed.body)}
        if explanation is not None:
            result |= {"findings": explanation.findings, "hints": explanation.hints, "tried": explanation.tried}
        say_json(result)
    elif explanation is not None and not late:
        say(*told(explanation), MORE)
    if late:
        raise ExpectationNotMet(f"The signature is right, and would be refused. {' '.join(late)}")
    unexplained = explanation is None or not explanation.findings
    raise ExpectationNotMet(
        f"It is not the signature of {_bytes(signed.body)} under this secret."
        + (hint if unexplained else "")
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
