"""Whether a signature is that of a body, in each form that one comes in.

Plain hex is wire version 2025-12's, `t=…,v1=…` is 2026-03's, `sha256=…` what there was in between, and `v1,…` the one
of Standard Webhooks, which stands in a header of its own beside each of them.
"""

import hmac
import re

import msgspec

from cstar_cli import signing

WINDOW_S = 300
"""How far its time may lie from the receiver's clock (cStar webhooks, part 2)."""

PLAIN, TIMED = "2025-12", "2026-03"
EARLIER = "sha256="
STANDARD = "v1,"
_SECONDS = re.compile(r"[0-9]{1,16}")


class Given(msgspec.Struct, frozen=True):
    """A signature as it came, and what came with it, where it did: by Standard Webhooks, or from the log."""

    text: str
    message_id: str | None = None
    timestamp: str | None = None


class Timed(msgspec.Struct, frozen=True):
    """What `t=…,v1=…` says: the time as it stands there, and each signature with its scheme."""

    t: str
    signatures: tuple[tuple[str, str], ...]


class Verified(msgspec.Struct, frozen=True):
    """What a signature is right by, and the time that is signed with it, where one is."""

    form: str
    at_s: int | None = None


def timed(text: str) -> Timed | None:
    """Return what `t=…,v1=…` says, in any order and with several signatures; None for another form."""
    parts = [part.partition("=") for part in text.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    signatures = tuple((name, value) for name, _, value in parts if re.fullmatch(r"v[0-9]+", name))
    if len(times) != 1 or not signatures or len(signatures) + 1 != len(parts) or not _SECONDS.fullmatch(times[0]):
        return None
    return Timed(times[0], signatures)


def wire_of(text: str) -> str:
    """Return the wire version that a signature of this form is taken for, when nobody says."""
    return PLAIN if timed(text) is None else TIMED


def verified(body: bytes, given: Given, secret: str, wire: str | None = None) -> Verified | None:
    """Say what the signature is right by, None where it is wrong; whether its time is in the window is not looked at.

    `wire` is the version that it must be of; else its form says it.
    """
    if given.text.startswith(STANDARD):
        return _standard(body, given, secret)
    if (wire or wire_of(given.text)) == PLAIN:
        return Verified(PLAIN) if signing.verify(body, given.text, secret) else None
    parts = timed(given.text)
    if parts is not None:
        before = f"{parts.t}.".encode()
        right = [signing.verify(before + body, value, secret) for scheme, value in parts.signatures if scheme == "v1"]
        return Verified(TIMED, int(parts.t)) if any(right) else None
    value = given.text.removeprefix(EARLIER)
    return Verified(EARLIER) if value != given.text and signing.verify(body, value, secret) else None


def verified_as_other(body: bytes, given: Given, secret: str, wire: str | None = None) -> Verified | None:
    """Say what a signature that is wrong by `verified` is right by in the other wire version, None where by nothing."""
    return verified(body, given, secret, TIMED if (wire or wire_of(given.text)) == PLAIN else PLAIN)


def _standard(body: bytes, given: Given, secret: str) -> Verified | None:
    if given.message_id is None or given.timestamp is None or not _SECONDS.fullmatch(given.timestamp):
        return None
    at_s = int(given.timestamp)
    expected = signing.standard_signature(secret, given.message_id, at_s, body).encode()
    parts = [part.encode("utf-8", "backslashreplace") for part in given.text.split(" ")]
    right = [hmac.compare_digest(expected, part) for part in parts]
    return Verified(STANDARD, at_s) if any(right) else None
