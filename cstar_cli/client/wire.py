"""How requests reach a cloud, whoever carries them: what is asked, what is answered, and how an answer gets lost."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 30.0
# Shorter than any server's own, so that no request meets a connection that is just being closed.
KEEP_ALIVE_S = 2.0


class Lost(Exception):
    """There is no whole answer; the message says why."""


class NoConnection(Lost):
    """Nothing answers on the address: no request was made."""


class Cut(Lost):
    """The connection went away under the request."""


class Silent(Lost):
    """Nothing came for too long."""


class NoHttp(Lost):
    """What came is not HTTP."""


class Request(msgspec.Struct, frozen=True):
    """What is asked; after `silence_s` without a byte the answer is taken for lost."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None = None
    silence_s: float = ANSWER_TIMEOUT_S


class Reply(Protocol):
    """An answer whose head has come."""

    @property
    def status(self) -> int: ...

    def header(self, name: str) -> str:
        """Return the header's value, empty where there is none; the name is in lower case."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it comes."""
        ...


class Wire(Protocol):
    """Carries requests to one cloud, with its key, following no redirects and through no proxies."""

    def open(self, request: Request) -> AbstractContextManager[Reply]:
        """Send the request; raises Lost, then or while the body is read."""
        ...

    def close(self) -> None: ...


def wire_to(api_base: str, token: str, monotonic: Callable[[], float]) -> Wire:
    """Return what carries requests to that cloud; httpx is loaded where TLS is spoken alone, for it takes a while."""
    if api_base.startswith("http://"):
        from cstar_cli.client.plain import PlainWire

        return PlainWire(api_base, token, monotonic)
    from cstar_cli.client.http import HttpxWire

    return HttpxWire(token)
