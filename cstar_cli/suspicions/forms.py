"""A signature's text → which digest it may stand for, and of what: upper case, base64, the other wire versions.

How it should look depends on the wire version that the receiver has: what the other one has is a finding.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator

import msgspec

from cstar_cli.events.wires.verifying import EARLIER, PLAIN, STANDARD, TIMED, Given, Timed, timed, wire_of
from cstar_cli.suspicions.suspicion import Finding

Digest = Callable[[bytes, bytes], bytes]
"""Key and message → digest."""

_LEAST_BYTES = 8  # less of a digest could be chance
SHA256_BYTES = 32
_HEX = re.compile(r"[0-9a-fA-F]+")
_MENDS = {
    PLAIN: "Compare with lower-case hex: x-cstar-signature is that, and nothing before it.",
    TIMED: "Compare with lower-case hex: behind v1= in X-Signature stands that.",
}
_PREFIXES = (EARLIER, "sha1=", "sha512=", "hmac-sha256=")


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


def readings(given: Given, wire: str | None = None) -> list[Reading]:
    """Return all that the text may stand for, the likeliest first; `wire` is the version that is wanted."""
    text = given.text.strip().strip("\"'").strip()
    wanted = wire or wire_of(text.replace(" ", ""))
    mend = _MENDS[wanted]
    stray = (Finding("Spaces or quotes stand round the signature", mend),) if text != given.text else ()
    if parts := timed(text.replace(" ", "")):
        return [*_timed(parts, wanted, stray)]
    if text.startswith(STANDARD):
        return [*_standard(text, given, stray)]
    prefix = next((each for each in _PREFIXES if text.lower().startswith(each)), None)
    if prefix is not None:
        named = Finding(f"{prefix} stands before the signature: that is another wire version's", mend)
        taken = wanted == TIMED and text.startswith(EARLIER)
        return [*_digests(text[len(prefix) :], stray if taken else (*stray, named), mend)]
    return [*_plain([*_digests(text, stray, mend)], given.timestamp, wanted)]


def missing(given: Given, wire: str | None = None) -> str | None:
    """Say what the form of the signature needs to be looked at."""
    text = given.text.strip()
    if not text:
        return "The signature is empty: does the header get to your receiver, past proxies and by its right name?"
    if text.startswith(STANDARD) and (given.message_id is None or given.timestamp is None):
        return "It has the form of Standard Webhooks: give --id (webhook-id) and --timestamp (webhook-timestamp) too."
    if not readings(given, wire):
        is_timed = text.startswith(("t=", "v1=")) if wire is None else wire == TIMED
        form = "X-Signature is t=…,v1=… with" if is_timed else "x-cstar-signature is"
        return f"It is no signature of any known form: {form} 64 digits of lower-case hex."
    return None


def _timed(parts: Timed, wanted: str, stray: tuple[Finding, ...]) -> Iterator[Reading]:
    """Yield each of its signatures over time and body, and over what a receiver may sign in their place."""
    other = Finding(
        f"It is a signature of wire version {TIMED}: t=…,v1=… over time and body",
        f"Verify it as <t>.<body>, or have the sender use wire version {PLAIN}.",
    )
    for scheme, value in parts.signatures:
        found = stray if wanted == TIMED else (*stray, other)
        if scheme != "v1":
            found = (*found, Finding(f"It stands behind {scheme}=", "Take what stands behind v1=."))
        for each in _digests(value, (), _MENDS[TIMED]):
            named = msgspec.structs.replace(each, findings=(*each.findings, *found), at_s=int(parts.t))
            yield _before(named, f"{parts.t}.")
            for text, what in ((parts.t, _NO_POINT), ("", _NO_TIME), *_other_units(parts.t)):
                yield _before(named, text, Finding(what, _TIME_AND_BODY))


_NO_POINT = "Between time and body there was no point"
_NO_TIME = "The body alone was signed, without its time"
_TIME_AND_BODY = "What is signed is <t>.<body>: t as it stands in X-Signature, a point, the raw body."


def _other_units(t: str) -> Iterator[tuple[str, str]]:
    yield f"{t}000.", "Its time was signed in milliseconds, and stands there in seconds"
    if len(t) > 3:
        yield f"{t[:-3]}.", "Its time was signed in seconds, and stands there in milliseconds"


def _plain(found: list[Reading], timestamp: str | None, wanted: str) -> Iterator[Reading]:
    """Yield digests that came alone, of the body and of time and body."""
    alone = Finding("It is the hex behind v1= alone", "Take it out of X-Signature before you compare.")
    no_time = Finding(f"{_NO_TIME}: that is wire version {PLAIN}", _TIME_AND_BODY)
    seconds = Finding("The time stands before the body: that is another wire version's", _MENDS[PLAIN])
    yield from found if wanted == PLAIN else (_before(each, "", no_time) for each in found)
    if timestamp is not None:
        yield from (_before(each, f"{timestamp}.", alone if wanted == TIMED else seconds) for each in found)


def _standard(text: str, given: Given, stray: tuple[Finding, ...]) -> Iterator[Reading]:
    if given.message_id is None or given.timestamp is None:
        return
    at_s = int(given.timestamp) if re.fullmatch(r"\d{1,16}", given.timestamp) else None
    before = f"{given.message_id}.{given.timestamp}.".encode("utf-8", "backslashreplace")
    body_alone = Finding("The body alone was signed", "What Standard Webhooks sign is <id>.<timestamp>.<body>.")
    for part in text.split():
        if (digest := _base64(part.partition(",")[2])) is not None and len(digest) == SHA256_BYTES:
            for standard in (True, False):
                key = () if standard else (_WHOLE_KEY,)
                yield Reading(digest, (*stray, *key), before, at_s, standard=standard)
                yield Reading(digest, (*stray, *key, body_alone), b"", at_s, standard=standard)


_WHOLE_KEY = Finding(
    "The secret's text was the key",
    "For Standard Webhooks the key is what stands behind whsec_, decoded from base64: their libraries do that.",
)


def _before(reading: Reading, text: str, *findings: Finding) -> Reading:
    return msgspec.structs.replace(
        reading, before=text.encode("utf-8", "backslashreplace"), findings=(*reading.findings, *findings)
    )


def _digests(text: str, findings: tuple[Finding, ...], mend: str) -> Iterator[Reading]:
    if _HEX.fullmatch(text):
        yield from _of_hex(text, findings, mend)
    decoded = _base64(text)
    if decoded is None:
        return
    if _HEX.fullmatch(inner := decoded.decode("latin-1")):
        encoded = Finding("The signature's hex was encoded in base64", mend)
        yield from _of_hex(inner, (*findings, encoded), mend)
    elif len(decoded) in _ALGORITHMS:
        yield _of_length(decoded, (*findings, Finding("The signature is in base64", mend)))


def _of_hex(text: str, findings: tuple[Finding, ...], mend: str) -> Iterator[Reading]:
    if text != text.lower():
        findings = (*findings, Finding("The signature is in upper-case hex", mend))
    digest = bytes.fromhex(text[: len(text) // 2 * 2])
    if len(text) == 2 * len(digest) and len(digest) in _ALGORITHMS:
        yield _of_length(digest, findings)
    if _LEAST_BYTES <= len(digest) < SHA256_BYTES:
        yield Reading(digest, (*findings, Finding("The signature was cut short", "Keep all of its 64 digits.")))
    elif len(digest) > SHA256_BYTES:
        more = Finding("More than the signature's 64 digits stand there", "Take the header's value alone.")
        yield Reading(digest[:SHA256_BYTES], (*findings, more))


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
