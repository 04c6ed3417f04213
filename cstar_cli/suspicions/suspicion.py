"""What may have happened, and how to mend it."""

from collections.abc import Callable, Iterable

import msgspec


class Suspicion(msgspec.Struct, frozen=True):
    """Something that goes wrong with one ingredient; `candidates` are what that would have made of it."""

    what: str
    mend: str
    candidates: Callable[[bytes], Iterable[bytes]]


class Finding(msgspec.Struct, frozen=True):
    """What has happened, in the words of its suspicion."""

    what: str
    mend: str
