"""Signatures of deliveries, and the secrets they are made with (cStar webhooks, 2025-12)."""

import base64
import hmac
import os
from collections.abc import Callable

SECRET_PREFIX = "whsec_"
_SECRET_BYTES = 32


def sign(body: bytes, secret: str) -> str:
    """Return the lower-case hex HMAC-SHA256 of the exact bytes that are sent (cStar webhooks, 2025-12).

    The key is the whole secret as UTF-8, its `whsec_` included.
    """
    # surrogateescape gives back the very bytes that an environment variable held
    return hmac.digest(secret.encode("utf-8", "surrogateescape"), body, "sha256").hex()


def verify(body: bytes, signature: str, secret: str) -> bool:
    """Say whether the signature is that of the body, in constant time; never raises for odd signatures."""
    # compare_digest takes only ASCII text, and a header may hold anything
    return hmac.compare_digest(sign(body, secret).encode(), signature.encode("utf-8", "backslashreplace"))


def new_secret(random_bytes: Callable[[int], bytes] = os.urandom) -> str:
    """Return a fresh signing secret: `whsec_` and 32 random bytes in URL-safe base64."""
    return SECRET_PREFIX + base64.urlsafe_b64encode(random_bytes(_SECRET_BYTES)).rstrip(b"=").decode()
