"""A receiver that is written for another wire version than it gets.

It looks for headers that aren't there, and may say so.
"""

import re

from cstar_cli.events.wires import DEFAULT, NAMES

_PAGE = "docs/wires.md"
_WORDS = {
    DEFAULT: re.compile(rb"x-cstar-(?:signature|event|delivery)", re.I),
    "2026-03": re.compile(rb"(?<![a-z-])x-(?:signature|event-id|event-type|webhook-id|timestamp)\b", re.I),
}


def speaks_of(answer: bytes, version: str) -> bool:
    """Say whether the answer names headers of a version."""
    return _WORDS[version].search(answer) is not None


def speaks_of_another(answer: bytes, sent_in: str) -> str | None:
    """Return what to say where the answer names headers of another version than it was sent in, and none of this."""
    if speaks_of(answer, sent_in):
        return None
    other = next((name for name in NAMES if name != sent_in and _WORDS[name].search(answer)), None)
    if other is None:
        return None
    return (
        f"your receiver looks for the headers of wire version {other}, and this is {sent_in}: "
        f"cstar listen --wire {other} sends it that, or let it verify {sent_in} ({_PAGE})"
    )


def likely_another(answer: bytes, sent_in: str) -> str | None:
    """Return what to say of a version that most receivers aren't written for; None for the usual one.

    A receiver that names this version's headers is written for it.
    """
    if sent_in == DEFAULT or speaks_of(answer, sent_in):
        return None
    return (
        f"mostly a receiver written for wire version {DEFAULT} (then --wire {DEFAULT}), else another secret; "
        f"cstar snippet --wire {sent_in} prints one for this ({_PAGE})"
    )
