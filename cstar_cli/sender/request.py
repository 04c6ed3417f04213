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
def _template(names: tuple[str, ...]) -> tuple[list[str], tuple[int, ...], int | None]:
    """Return the head with an empty place for each value, which headers are sent as they are, and which is the Host.

    The values are the path, the Host, those of the headers that are sent, and the length.
    """
    roles = [_role(name) for name in names]
    sent = tuple(number for number, role in enumerate(roles) if role is _Role.PLAIN)
    head = ["POST ", "", " HTTP/1.1\r\nHost: ", ""]
    for number in sent:
        head += (f"\r\n{names[number]}: ", "")
    head += ("\r\nContent-Length: ", "", "\r\n\r\n")
    hosts = [number for number, role in enumerate(roles) if role is _Role.HOST]
    return head, sent, hosts[-1] if hosts else None


def compose(target: Target, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """Return head and body of the request, in one piece.

    A Host header replaces the target's own; hop-by-hop and framing headers are dropped. Raises ValueError for
    a name that is no token and for CR, LF or NUL in a value.
    """
    names, values = zip(*headers, strict=True) if headers else ((), ())
    template, sent, host = _template(names)
    authority = target.authority if host is None else values[host]
    if len(sent) < len(values):
        values = tuple([values[number] for number in sent])
    text = "".join((authority, *values))
    if "\r" in text or "\n" in text or "\0" in text:
        raise ValueError("a header value holds CR, LF or NUL")
    head = template.copy()
    head[1::2] = (target.path_and_query, authority, *values, str(len(body)))
    return "".join(head).encode() + body
