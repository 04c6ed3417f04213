"""API keys of a team: made once, shown once, known by their hashes from then on."""

import base64
import hashlib
import os
import re
from collections.abc import Callable

import msgspec

SECRET_PREFIX = "sk_live_"
PUBLISHABLE_PREFIX = "pk_live_"
_KEY_BYTES = 32
_SHOWN_CHARS = 4
_FORM = re.compile(rf"(?:{SECRET_PREFIX}|{PUBLISHABLE_PREFIX})[A-Za-z0-9_-]{{43}}")


class NewKey(msgspec.Struct, frozen=True):
    """A key to show once. `hash` is its SHA-256 in hex; `hint` is its beginning and end, for people."""

    key: str
    hash: str
    hint: str

    def __repr__(self) -> str:
        return f"NewKey({self.hint})"


def new_api_key(read_only: bool, random_bytes: Callable[[int], bytes] = os.urandom) -> NewKey:
    """Return a fresh key: a publishable one (`pk_live_…`) only reads, a secret one (`sk_live_…`) writes too."""
    prefix = PUBLISHABLE_PREFIX if read_only else SECRET_PREFIX
    random = base64.urlsafe_b64encode(random_bytes(_KEY_BYTES)).rstrip(b"=").decode()
    return NewKey(
        key=prefix + random,
        hash=hash_of(prefix + random),
        hint=hint_of(prefix + random),
    )


def hint_of(key: str) -> str:
    """Return the beginning and end of a key: enough to tell it from others, too little to use it."""
    return f"{key[: len(SECRET_PREFIX) + _SHOWN_CHARS]}…{key[-_SHOWN_CHARS:]}"


def hash_of(key: str) -> str:
    """Return the SHA-256 of the whole key in lower-case hex: with 256 random bits, no slower hash is needed."""
    return hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()


def is_api_key(text: str) -> bool:
    """Tell whether the text has the form of a key; whether there is such a key, only the store knows."""
    return _FORM.fullmatch(text) is not None
