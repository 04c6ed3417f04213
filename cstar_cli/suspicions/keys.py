"""A secret → what a receiver may have taken for it."""

import base64
import binascii
from collections.abc import Iterable, Iterator

from cstar_cli.signing import SECRET_PREFIX
from cstar_cli.suspicions.suspicion import Suspicion

_PREFIX = SECRET_PREFIX.encode()
_WHOLE = "Use the secret whole, with its whsec_, as text: it is neither cut nor decoded."
_ENV = "Look at how the secret gets into the application: cstar listen --env-file .env writes it there."


def without_prefix(secret: bytes) -> Iterator[bytes]:
    """Yield the secret without its `whsec_`, and one that lacks it with it."""
    yield secret.removeprefix(_PREFIX) if secret.startswith(_PREFIX) else _PREFIX + secret


def decoded(secret: bytes) -> Iterator[bytes]:
    """Yield what the secret stands for in base64 or in hex, with and without its `whsec_`."""
    for text in (secret.removeprefix(_PREFIX), secret):
        unpadded = text.rstrip(b"=")
        for altchars in (b"+/", b"-_"):
            try:
                yield base64.b64decode(unpadded + b"=" * (-len(unpadded) % 4), altchars=altchars, validate=True)
            except binascii.Error:
                continue
        try:
            yield binascii.unhexlify(text)
        except binascii.Error:
            continue


def encoded(secret: bytes) -> Iterator[bytes]:
    """Yield the secret in base64."""
    yield base64.b64encode(secret)


def with_stray_characters(secret: bytes) -> Iterator[bytes]:
    """Yield the secret in quotes, and with a line end or space."""
    yield from (b'"' + secret + b'"', b"'" + secret + b"'", secret + b"\n", secret + b"\r\n", secret + b"\r")
    yield from (secret + b" ", b" " + secret)


def lost(_: bytes) -> Iterator[bytes]:
    """Yield what a variable that isn't set becomes."""
    yield from (b"", b"undefined", b"null", b"None", b"nil")


SUSPICIONS: Iterable[Suspicion] = (
    Suspicion("The secret's whsec_ was cut off, or is missing in yours", _WHOLE, without_prefix),
    Suspicion("The secret was decoded, from base64 or hex", _WHOLE, decoded),
    Suspicion("The secret was encoded in base64", _WHOLE, encoded),
    Suspicion("The secret stands in quotes, or with a space or line end", _ENV, with_stray_characters),
    Suspicion("The secret was empty or not set", _ENV, lost),
)
