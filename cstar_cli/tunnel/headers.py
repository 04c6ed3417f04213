"""The headers of a forwarded event: ours (the contract's), and the user's beside them."""

import re
from collections.abc import Iterable
from functools import lru_cache

from cstar_cli.errors import UsageError
from cstar_cli.protocol.frames import Delivery, Headers
from cstar_cli.sender.headers import contract_headers

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")
_OURS = frozenset({"x-cstar-signature", "x-cstar-event", "x-cstar-delivery", "content-type", "content-length"})
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)


def parse_headers(texts: Iterable[str]) -> Headers:
    """Read `Name: value` pairs; an empty value is allowed, headers of the connection itself are left out."""
    pairs = [_parse(text) for text in texts]
    return tuple((name, value) for name, value in pairs if name.lower() not in _HOP_BY_HOP)


def delivery_headers(delivery: Delivery, secret: str, extra: Headers) -> Headers:
    """Return the contract's headers for a delivery, signed over its exact body, then the user's."""
    ours = contract_headers(delivery.event_type, delivery.delivery_id, delivery.body, secret)
    return ours + _with_agent(extra)


@lru_cache(maxsize=8)
def _with_agent(extra: Headers) -> Headers:
    named = any(name.lower() == "user-agent" for name, _ in extra)
    return extra if named else (("user-agent", "cstar-cli"), *extra)


def _parse(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name, value = name.strip(" \t"), value.strip(" \t")
    if not colon or not _NAME.fullmatch(name):
        raise UsageError(f"{text!r} is not a header: write it as 'Name: value'.")
    if _UNSENDABLE.search(value):
        raise UsageError(f"The value of the header {name} holds a character that can't be sent.")
    if name.lower() in _OURS:
        raise UsageError(f"The header {name} is set by cstar for each delivery and can't be given.")
    return name, value
