"""The headers of a forwarded event: ours (the contract's), and the user's beside them."""

import re
from collections.abc import Iterable
from functools import lru_cache

from cstar_cli.errors import UsageError
from cstar_cli.events.wires import DEFAULT, wire
from cstar_cli.events.wires.wire import Sending, Wire
from cstar_cli.protocol.frames import Headers

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")
_FRAMING = frozenset({"content-type", "content-length"})
_AGENT = "cstar-cli"
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)


def parse_headers(texts: Iterable[str], version: str = DEFAULT) -> Headers:
    """Read `Name: value` pairs; an empty value is allowed, headers of the connection itself are left out.

    Raises UsageError for one that the wire version gives itself.
    """
    pairs = [_parse(text) for text in texts]
    check_headers(pairs, version)
    return tuple((name, value) for name, value in pairs if name.lower() not in _HOP_BY_HOP)


def check_headers(headers: Iterable[tuple[str, str]], version: str) -> None:
    """Raise UsageError for a header that the wire version gives itself."""
    for name, _ in headers:
        if name.lower() in _FRAMING | wire(version).own_headers:
            raise UsageError(f"The header {name} is set by cstar for each delivery and can't be given.")


def delivery_headers(version: Wire, sending: Sending, secret: str, extra: Headers) -> Headers:
    """Return the contract's headers for a delivery, signed over its exact body, then the user's."""
    return version.headers(sending, secret) + _with_agent(extra, version.user_agent)


@lru_cache(maxsize=8)
def _with_agent(extra: Headers, contracts: str | None) -> Headers:
    named = any(name.lower() == "user-agent" for name, _ in extra)
    return extra if named else (("user-agent", contracts or _AGENT), *extra)


def _parse(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name, value = name.strip(" \t"), value.strip(" \t")
    if not colon or not _NAME.fullmatch(name):
        raise UsageError(f"{text!r} is not a header: write it as 'Name: value'.")
    if _UNSENDABLE.search(value):
        raise UsageError(f"The value of the header {name} holds a character that can't be sent.")
    return name, value
