"""Who may ask what, and what was answered already, as plain data. Times are integer milliseconds."""

import msgspec


class ApiKey(msgspec.Struct, frozen=True):
    """A key of a team: a secret one reads and writes, a publishable one only reads.

    The key itself is shown once and never stored: `hash` is its SHA-256 in hex, `hint` its beginning and end.
    """

    id: str
    team_id: str
    name: str
    hash: str
    hint: str
    read_only: bool
    created_at_ms: int
    revoked_at_ms: int | None = None


class Allowance(msgspec.Struct, frozen=True):
    """How much of a window's requests a key has used, this taking included; the window ends in `reset_in_ms`."""

    granted: int
    used: int
    reset_in_ms: int


class StoredAnswer(msgspec.Struct, frozen=True):
    """What a request with an `Idempotency-Key` was answered."""

    status: int
    body: bytes


class Begun(msgspec.Struct, frozen=True):
    """What is known of a request with an `Idempotency-Key`.

    `mine` says that the caller is to do it now and `finish` it; else `answer` is the first one's, or None while
    that is still being made. `same` tells whether the first request was the same. `seed` is the first one's, so that a
    request done again after a crash makes the same ids.
    """

    mine: bool
    same: bool
    seed: str
    answer: StoredAnswer | None
