"""What the log has of a delivery: the body, the signature and the time of an attempt at it, for `verify`."""

from typing import TYPE_CHECKING

import msgspec

from cstar_cli.commands.ids import WEBHOOK
from cstar_cli.errors import CstarError, NotThere, UsageError
from cstar_cli.events.wires import NAMES, wire
from cstar_cli.events.wires.verifying import TIMED, Given, timed, verified

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cstar_cli.resources import DeliveryInFull, Exchange


class Logged(msgspec.Struct, frozen=True):
    """One attempt: `given` is its signature, of the wire version `wire`; `target` is the webhook or session.

    `standard` is the signature by Standard Webhooks beside it, where there is one.
    """

    body: bytes
    given: Given
    wire: str
    at_s: int
    target: str
    standard: Given | None = None


def logged(delivery: str, attempt: int | None, api_base: str) -> Logged:
    """Ask the cloud for it; raises NotThere without the delivery, UsageError without that attempt."""
    from cstar_cli.commands.dialogue import dialogue
    from cstar_cli.commands.noting import note
    from cstar_cli.resources import DeliveryInFull

    with dialogue(api_base, json=False, no_color=False) as talk:
        try:
            found = talk.read(talk.get(f"/deliveries/{delivery}"), DeliveryInFull)
        except NotThere as error:
            raise NotThere(
                f"{error} It may be older than what the cloud keeps, or another team's or cloud's: cstar whoami says "
                "whose log is read. From your receiver's own log: cstar verify --signature TEXT @body.json"
            ) from error
        note(talk.home, api_base, found)
    return sent_by(found, attempt)


def sent_by(delivery: "DeliveryInFull", attempt: int | None = None) -> Logged:
    """Return what the last attempt at a delivery sent, or the one with that number; raises CstarError without one."""
    sent = {each.attempt: each for each in delivery.attempts if _signature(_headers(each)) is not None}
    if not sent:
        raise CstarError(f"No attempt at {delivery.id} has sent anything yet: see cstar deliveries show {delivery.id}")
    wanted = max(sent) if attempt is None else attempt
    if wanted not in sent:
        numbers = ", ".join(map(str, sorted(sent)))
        raise UsageError(f"There is no attempt {wanted} at {delivery.id} that has sent anything, but: {numbers}.")
    return _logged(delivery.target, sent[wanted])


def _logged(target: str, attempt: "Exchange") -> Logged:
    from cstar_cli.events.envelope import parse_iso

    headers = _headers(attempt)
    found = _signature(headers)
    assert found is not None
    version, text = found
    parts = timed(text) if version == TIMED else None
    at = headers.get("webhook-timestamp") if parts is None else parts.t
    return Logged(
        attempt.request_body.encode(),
        Given(text, headers.get("webhook-id"), at),
        version,
        parse_iso(attempt.time) // 1000,
        target,
        None
        if (standard := headers.get("webhook-signature")) is None
        else Given(standard, headers.get("webhook-id"), headers.get("webhook-timestamp")),
    )


def _headers(attempt: "Exchange") -> dict[str, str]:
    return {name.lower(): value for name, value in attempt.request_headers}


def _signature(headers: "Mapping[str, str]") -> tuple[str, str] | None:
    """Return the wire version that the headers are of, and the signature."""
    for name in NAMES:
        if (text := headers.get(wire(name).signature_header.lower())) is not None:
            return name, text
    return None


def whose_secret(log: Logged, secret: str, *, given: bool) -> str:
    """Say which secret a delivery is signed with, where that can be told; `given` says that this one was given."""
    if log.standard is not None and verified(log.body, log.standard, secret):
        return (
            " But webhook-signature is right under it: the secret was rotated, and until the old one expires "
            f"{wire(log.wire).signature_header} is made with that."
        )
    if given or verified(log.body, log.given, secret, log.wire):
        return ""
    if log.target.startswith(WEBHOOK):
        return (
            f" It went to the webhook {log.target}, which has a secret of its own, shown when it was made: give that "
            f"with --secret. If it is lost: cstar webhooks rotate-secret {log.target}."
        )
    return " If its listener had another secret (--secret, or a route's own), give that with --secret."
