"""The bytes of one POST."""

import re
from collections.abc import Sequence
from enum import Enum, auto
from functools import lru_cache

from cstar_cli.sender.target import Target

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

# How a message is framed and a connection kept is between the sender and the receiver (RFC 9110, 7.6.1).
_OURS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


class _Role(Enum):
    PLAIN = auto()
    HOST = auto()
    OURS = auto()


@lru_cache(maxsize=1024)
def _role(name: str) -> _Role:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"not a header name: {name!r}")
    lower = name.lower()
    if lower == "host":
        return _Role.HOST
    return _Role.OURS if lower in _OURS else _Role.PLAIN


def compose(target: Target, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """Return head and body of the request, in one piece.

    A Host header replaces the target's own; hop-by-hop and framing headers are dropped. Raises ValueError for
    a name that is no token and for CR, LF or NUL in a value.
    """
    lines = [f"POST {target.path_and_query} HTTP/1.1", f"Host: {target.authority}"]
    for name, value in headers:
        role = _role(name)
        if role is _Role.PLAIN:
            lines.append(f"{name}: {value}")
        elif role is _Role.HOST:
            lines[1] = f"Host: {value}"
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    head = "\r\n".join(lines)
    # One look over the whole head finds a stray line break sooner than one look at each value would.
    breaks = len(lines) + 1
    if head.count("\r") != breaks or head.count("\n") != breaks or "\0" in head:
        raise ValueError("a header value holds CR, LF or NUL")
    return head.encode() + body
