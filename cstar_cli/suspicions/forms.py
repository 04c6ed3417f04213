"""A signature's text → which digest it may stand for, and of what: upper case, base64, the other wire versions."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator

import msgspec

from cstar_cli.suspicions.suspicion import Finding

Digest = Callable[[bytes, bytes], bytes]
"""Key and message → digest."""

WINDOW_S = 300
_LEAST_BYTES = 8  # less of a digest could be chance
_SHA256_BYTES = 32
_HEX = re.compile(r"[0-9a-fA-F]+")
_TIMED = re.compile(r"t=(?P<t>\d{1,16})(?P<rest>(?:,v\d+=[^,]*)+)")
_LOWER_HEX = "Compare with lower-case hex: x-cstar-signature is that, and nothing before it."


class Given(msgspec.Struct, frozen=True):
    """A signature as it came, and what came with it, where it did."""

    text: str
    message_id: str | None = None
    timestamp: str | None = None


class Reading(msgspec.Struct, frozen=True):
    """The signature as a digest, or the beginning of one, of `before` and the body.

    It is `standard` where the key is made of the secret as Standard Webhooks do it.
    """

    digest: bytes
    findings: tuple[Finding, ...] = ()
    before: bytes = b""
    at_s: int | None = None
    algorithm: str = "sha256"
    standard: bool = False


def hmac_of(algorithm: str) -> Digest:
    """Return the HMAC with this hash."""
    return lambda key, message: hmac.digest(key, message, algorithm)


_NOT_HMAC = "Use HMAC-SHA256, with the secret as its key."
HASHES: tuple[tuple[Digest, Finding], ...] = (
    (
        lambda _, body: hashlib.sha256(body).digest(),
        Finding("It is SHA-256 of the body, without any secret", _NOT_HMAC),
    ),
    (
        lambda key, body: hashlib.sha256(key + body).digest(),
        Finding("It is SHA-256 of secret and body, not HMAC", _NOT_HMAC),
    ),
    (
        lambda key, body: hashlib.sha256(body + key).digest(),
        Finding("It is SHA-256 of body and secret, not HMAC", _NOT_HMAC),
    ),
    (
        lambda key, body: hmac.digest(body, key, "sha256"),
        Finding("Secret and body have changed places in the HMAC", _NOT_HMAC),
    ),
)
"""What is taken for HMAC."""

_ALGORITHMS = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}


def readings(given: Given) -> list[Reading]:
    """Return all that the text may stand for, the likeliest first."""
    text = given.text.strip().strip("\"'").strip()
    stray = (Finding("Spaces or quotes stand round the signature", _LOWER_HEX),) if text != given.text else ()
    if timed := _TIMED.fullmatch(text.replace(" ", "")):
        return [*_timed(timed, stray)]
    if text.startswith("v1,"):
        return [*_standard(text, given, stray)]
    name, equals, rest = text.partition("=")
    if equals and name.lower() in ("sha256", "sha1", "sha512", "hmac-sha256"):
        prefixed = Finding(f"{name}= stands before the signature: that is another wire version's", _LOWER_HEX)
        return [*_digests(rest, (*stray, prefixed))]
    found = [*_digests(text, stray)]
    if given.timestamp is not None:
        seconds = Finding("The time stands before the body: that is another wire version's", _LOWER_HEX)
        found += [_before(each, f"{given.timestamp}.", seconds) for each in found]
    return found


def missing(given: Given) -> str | None:
    """Say what the form of the signature needs to be looked at."""
    if given.text.strip().startswith("v1,") and (given.message_id is None or given.timestamp is None):
        return "It has the form of Standard Webhooks: give --id (webhook-id) and --timestamp (webhook-timestamp) too."
    if not readings(given):
        return "It is no signature of any known form: x-cstar-signature is 64 digits of lower-case hex."
    return None


def _timed(timed: "re.Match[str]", stray: tuple[Finding, ...]) -> Iterator[Reading]:
    other = Finding(
        "It is a signature of wire version 2026-03: t=…,v1=… over time and body",
        "Verify it as <t>.<body>, or have the sender use wire version 2025-12.",
    )
    for part in timed["rest"].split(",")[1:]:
        for each in _digests(part.partition("=")[2], stray):
            findings = (*each.findings, other)
            yield msgspec.structs.replace(
                each, findings=findings, before=f"{timed['t']}.".encode(), at_s=int(timed["t"])
            )


def _standard(text: str, given: Given, stray: tuple[Finding, ...]) -> Iterator[Reading]:
    if given.message_id is None or given.timestamp is None:
        return
    other = Finding(
        "It is the signature of Standard Webhooks: v1,… over id, time and body",
        "Take x-cstar-signature, or verify webhook-signature with a library for Standard Webhooks.",
    )
    at_s = int(given.timestamp) if re.fullmatch(r"\d{1,16}", given.timestamp) else None
    before = f"{given.message_id}.{given.timestamp}.".encode("utf-8", "backslashreplace")
    for part in text.split():
        if (digest := _base64(part.partition(",")[2])) is not None and len(digest) == _SHA256_BYTES:
            yield Reading(digest, (*stray, other), before, at_s, standard=True)


def _before(reading: Reading, text: str, finding: Finding) -> Reading:
    return msgspec.structs.replace(
        reading, before=text.encode("utf-8", "backslashreplace"), findings=(*reading.findings, finding)
    )


def _digests(text: str, findings: tuple[Finding, ...]) -> Iterator[Reading]:
    if _HEX.fullmatch(text):
        yield from _of_hex(text, findings)
    decoded = _base64(text)
    if decoded is None:
        return
    if _HEX.fullmatch(inner := decoded.decode("latin-1")):
        yield from _of_hex(inner, (*findings, Finding("The signature's hex was encoded in base64", _LOWER_HEX)))
    elif len(decoded) in _ALGORITHMS:
        yield _of_length(decoded, (*findings, Finding("The signature is in base64", _LOWER_HEX)))


def _of_hex(text: str, findings: tuple[Finding, ...]) -> Iterator[Reading]:
    if text != text.lower():
        findings = (*findings, Finding("The signature is in upper-case hex", _LOWER_HEX))
    digest = bytes.fromhex(text[: len(text) // 2 * 2])
    if len(text) == 2 * len(digest) and len(digest) in _ALGORITHMS:
        yield _of_length(digest, findings)
    if _LEAST_BYTES <= len(digest) < _SHA256_BYTES:
        yield Reading(digest, (*findings, Finding("The signature was cut short", "Keep all of its 64 digits.")))
    elif len(digest) > _SHA256_BYTES:
        more = Finding("More than the signature's 64 digits stand there", "Take the header's value alone.")
        yield Reading(digest[:_SHA256_BYTES], (*findings, more))


def _of_length(digest: bytes, findings: tuple[Finding, ...]) -> Reading:
    algorithm = _ALGORITHMS[len(digest)]
    if algorithm != "sha256":
        findings = (*findings, Finding(f"It was made with HMAC-{algorithm.upper()}", "Use HMAC-SHA256."))
    return Reading(digest, findings, algorithm=algorithm)


def _base64(text: str) -> bytes | None:
    try:
        unpadded = text.rstrip("=").encode("ascii").replace(b"-", b"+").replace(b"_", b"/")
        return base64.b64decode(unpadded + b"=" * (-len(unpadded) % 4), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
