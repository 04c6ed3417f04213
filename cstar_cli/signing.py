"""Signatures of deliveries, and the secrets they are made with (cStar webhooks, 2025-12)."""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable
from functools import lru_cache

SECRET_PREFIX = "whsec_"
_URL_SAFE_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_BLOCK_BYTES = 64
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
_SECRET_BYTES = 33  # whole groups of base64: no padding, which some decoders demand and others refuse


def sign(body: bytes, secret: str) -> str:
    """Return the lower-case hex HMAC-SHA256 of the exact bytes that are sent (cStar webhooks, 2025-12).

    The key is the whole secret as UTF-8, its `whsec_` included.
    """
    # surrogateescape gives back the very bytes that an environment variable held
    return _hmac(secret.encode("utf-8", "surrogateescape"), body).hex()


def verify(body: bytes, signature: str, secret: str) -> bool:
    """Say whether the signature is that of the body, in constant time; never raises for odd signatures."""
    # compare_digest takes only ASCII text, and a header may hold anything
    return hmac.compare_digest(sign(body, secret).encode(), signature.encode("utf-8", "backslashreplace"))


def standard_signature(secret: str, message_id: str, timestamp_s: int, body: bytes) -> str:
    """Return one signature of the `webhook-signature` header: `v1,` and base64 (Standard Webhooks 1.0).

    The key is what the secret's part after `whsec_` stands for in base64, or that part's own bytes where it is none.
    """
    signed = b"%s.%d.%s" % (message_id.encode("utf-8", "surrogateescape"), timestamp_s, body)
    return "v1," + base64.b64encode(_hmac(standard_key(secret), signed)).decode()


def new_secret(random_bytes: Callable[[int], bytes] = os.urandom) -> str:
    """Return a fresh signing secret: `whsec_` and 44 random letters and digits.

    They are base64 in the standard alphabet and the URL-safe one alike, so that every library reads the same key.
    """
    return SECRET_PREFIX + base64.b64encode(random_bytes(_SECRET_BYTES), altchars=b"xy").decode()


def _hmac(key: bytes, message: bytes) -> bytes:
    begun, wrapped = _keyed(key)
    inner, outer = begun.copy(), wrapped.copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=4096)
def _keyed(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """Return the two hashes of RFC 2104 that have taken in the key: to copy them is quicker than to copy an HMAC."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
    return hashlib.sha256(block.translate(_INNER)), hashlib.sha256(block.translate(_OUTER))


@lru_cache(maxsize=4096)
def standard_key(secret: str) -> bytes:
    """Return the key that Standard Webhooks have for a secret."""
    text = secret.removeprefix(SECRET_PREFIX).encode("utf-8", "surrogateescape")
    base64_text = text.rstrip(b"=").translate(_URL_SAFE_TO_STANDARD)
    try:
        return base64.b64decode(base64_text + b"=" * (-len(base64_text) % 4), validate=True)
    except binascii.Error:
        return text
