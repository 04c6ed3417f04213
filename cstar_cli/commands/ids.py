"""Ids as users give them: of the kind that the command is about, or told where they belong."""

import re
from collections.abc import Callable

from cstar_cli.errors import UsageError

WEBHOOK, EVENT, DELIVERY, SESSION, API_KEY = "whk", "evt", "dlv", "ses", "key"
SESSION_NAME = "name"  # which stands for a session's id where one is asked for
ID = re.compile(r"[a-z]{3}_[A-Za-z0-9_-]{1,200}")  # those of wire version 2026-03 have their event's type in them

_NOUNS = {
    WEBHOOK: "a webhook",
    EVENT: "an event",
    DELIVERY: "a delivery",
    SESSION: "a session of cstar listen",
    API_KEY: "an API key",
}
_LISTS = {
    WEBHOOK: "cstar webhooks list",
    EVENT: "cstar events list",
    DELIVERY: "cstar deliveries list",
    API_KEY: "cstar cloud keys list",
}
_SHOWS = {WEBHOOK: "cstar webhooks show", EVENT: "cstar events show", DELIVERY: "cstar deliveries show"}


def checked_id(text: str, kind: str) -> str:
    """Return the id if it is of this kind; raises UsageError with the command that is for it, or that lists them."""
    given = text.partition("_")[0]
    if given not in _NOUNS or not ID.fullmatch(text):
        listed = f": {_LISTS[kind]} shows them." if kind in _LISTS else "."
        raise UsageError(f"{text!r} is not the id of {_NOUNS[kind]}, which is like {kind}_…{listed}")
    if given != kind:
        where = f": see {_SHOWS[given]} {text}" if given in _SHOWS else "."
        raise UsageError(f"{text} is {_NOUNS[given]}, not {_NOUNS[kind]}{where}")
    return text


def of_kind(kind: str) -> Callable[[str | None], str | None]:
    """Return what holds an argument or option to ids of a kind."""
    return lambda text: None if text is None else checked_id(text, kind)
