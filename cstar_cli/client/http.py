"""The one import of httpx: requests where TLS is spoken."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

# httpx loads rich and click for a command line of its own (70 ms of a 190 ms start); it does without, through its
# own `except ImportError`, where that module can't be imported.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None is how Python marks "not importable"

import httpx  # noqa: E402

from cstar_cli.client.wire import (  # noqa: E402
    ANSWER_TIMEOUT_S,
    CONNECT_TIMEOUT_S,
    KEEP_ALIVE_S,
    Cut,
    Lost,
    NoConnection,
    NoHttp,
    Request,
    Silent,
)


class HttpxWire:
    """A client that authenticates, never follows redirects and knows no proxies."""

    def __init__(self, token: str, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=ANSWER_TIMEOUT_S,
            limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_S),
            trust_env=False,
            transport=transport,
        )

    @contextmanager
    def open(self, request: Request) -> "Iterator[HttpxReply]":
        timeout = httpx.Timeout(request.silence_s, connect=min(CONNECT_TIMEOUT_S, request.silence_s))
        try:
            with self._http.stream(
                request.method, request.url, headers=request.headers, content=request.content, timeout=timeout
            ) as response:
                yield HttpxReply(response)
        except httpx.TransportError as error:  # those of the body, too: it is read within the `with` of our caller
            raise _lost(error) from error

    def close(self) -> None:
        self._http.close()


class HttpxReply:
    """What httpx has got."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.header = lambda name: str(response.headers.get(name, ""))
        self.chunks = response.iter_bytes


def _lost(error: httpx.TransportError) -> Lost:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return NoConnection(str(error))
    kind = type(error).__name__
    if isinstance(error, httpx.RemoteProtocolError):
        # h11 says so when the peer closes before a status line; all else it says means: that is no HTTP.
        return Cut(kind) if "disconnected" in str(error) else NoHttp(kind)
    return Cut(kind) if isinstance(error, httpx.NetworkError) else Silent(kind)


__all__ = ["HttpxWire", "httpx"]
