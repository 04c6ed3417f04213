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


@lru_cache(maxsize=256)
def _template(names: tuple[str, ...]) -> tuple[str, int, int | None]:
    """Return the head with a place for each value, how many line breaks it has, and which header is the Host.

    The values are those of the request line and the Host header, then the headers' own, then the length.
    """
    lines = ["POST %s HTTP/1.1", "Host: %s"]
    dropped = ""  # a place without room, which takes its value all the same
    for name in names:
        if _role(name) is _Role.PLAIN:
            lines.append(f"{dropped}{name.replace('%', '%%')}: %s")
            dropped = ""
        else:
            dropped += "%.0s"
    lines.append(f"{dropped}Content-Length: %d\r\n\r\n")
    hosts = [number for number, name in enumerate(names) if _role(name) is _Role.HOST]
    return "\r\n".join(lines), len(lines) + 1, hosts[-1] if hosts else None


def compose(target: Target, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """Return head and body of the request, in one piece.

    A Host header replaces the target's own; hop-by-hop and framing headers are dropped. Raises ValueError for
    a name that is no token and for CR, LF or NUL in a value.
    """
    names = tuple([name for name, _ in headers])
    values = [value for _, value in headers]
    template, breaks, host = _template(names)
    authority = target.authority if host is None else values[host]
    head = template % (target.path_and_query, authority, *values, len(body))
    # One look over the whole head finds a stray line break sooner than one look at each value would.
    if head.count("\r") != breaks or head.count("\n") != breaks or "\0" in head:
        raise ValueError("a header value holds CR, LF or NUL")
    return head.encode() + body
