"""A connection to the cloud: dial, frames in and out; which failures are worth another try."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NoReturn, Protocol

import msgspec
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus, NegotiationError
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from cstar_cli.backoff import retry_after_s
from cstar_cli.errors import CstarError, NotAllowed
from cstar_cli.protocol.frames import MAX_MESSAGE_BYTES, SUBPROTOCOL, Frame, MalformedMessage, decode
from cstar_cli.tunnel.websocket import Websocket

DIAL_S = 5.0
MOST_WAIT_S = 3600


class Unreachable(Exception):
    """No connection now, though another try may succeed, after `wait_s` at least.

    `refused`: nothing listens on the address. `foreign`: something does, and doesn't speak our language.
    """

    def __init__(self, reason: str, *, refused: bool = False, foreign: bool = False, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.refused = refused
        self.foreign = foreign
        self.wait_s = wait_s


Take = Callable[[Sequence[Frame]], Awaitable[object] | None]
"""Takes a message's frames; returns None, or what to wait for before the next."""


class Connection(Protocol):
    """A tunnel that is up. `read`, and what `send` gives to wait for, raise Unreachable when it is gone."""

    async def read(self, take: Take) -> NoReturn: ...

    def send(self, message: bytes) -> Awaitable[None] | None: ...


class CloudAddress(msgspec.Struct, frozen=True):
    """Where the cloud is, and what opens it."""

    api_base: str
    team_id: str
    token: str

    @property
    def tunnel_url(self) -> str:
        return f"ws{self.api_base.removeprefix('http')}/api/v1/teams/{self.team_id}/tunnel"


@asynccontextmanager
async def dial(address: CloudAddress) -> AsyncIterator[Connection]:
    """Open the tunnel's websocket. Raises Unreachable, or NotAllowed when the cloud refuses us.

    A redirect isn't followed: the token is for the cloud that the user named, and for nobody else.
    """
    uri = parse_uri(address.tunnel_url)
    core = ClientProtocol(uri, subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=2 * MAX_MESSAGE_BYTES)
    websocket = Websocket(core, {"Authorization": f"Bearer {address.token}"})
    try:
        async with asyncio.timeout(DIAL_S):
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: websocket, uri.host, uri.port, ssl=uri.secure or None)
            await websocket.opened
    except (OSError, InvalidHandshake, InvalidMessage, EOFError) as error:
        websocket.abort()
        raise _explain(error, address.api_base) from error
    except BaseException:
        websocket.abort()
        raise
    try:
        if core.subprotocol != SUBPROTOCOL:
            raise Unreachable(_foreign(address.api_base), foreign=True)
        yield _Frames(websocket)
    finally:
        await websocket.close()


class _Frames:
    def __init__(self, websocket: Websocket) -> None:
        self._websocket = websocket

    async def read(self, take: Take) -> NoReturn:
        try:
            await self._websocket.read(lambda message: take(decode(message)))
        except ConnectionClosed as closed:
            raise _gone(closed) from closed
        except MalformedMessage as error:
            raise Unreachable(f"the cloud sent {error}") from error

    def send(self, message: bytes) -> Awaitable[None] | None:
        drained = self._websocket.send(message)
        return None if drained is None else _until(drained)


async def _until(drained: Awaitable[None]) -> None:
    try:
        await drained
    except ConnectionClosed as closed:
        raise _gone(closed) from closed


def _gone(closed: ConnectionClosed) -> Unreachable:
    return Unreachable(closed.rcvd.reason or "closed by the cloud" if closed.rcvd else "the connection broke")


def _explain(error: Exception, api_base: str) -> CstarError | Unreachable:
    if isinstance(error, InvalidStatus):
        return _answered(error.response.status_code, error.response.headers.get("Retry-After", ""), api_base)
    if isinstance(error, InvalidMessage | NegotiationError | InvalidHandshake | EOFError):
        return Unreachable(_foreign(api_base), foreign=True)
    if isinstance(error, TimeoutError):
        return Unreachable(f"{api_base} doesn't answer", foreign=True)
    if isinstance(error, ssl.SSLError):
        return Unreachable(f"{api_base} speaks no TLS that we trust ({error.reason})", foreign=True)
    if _is_refusal(error):
        return Unreachable(f"nothing listens on {api_base}", refused=True)
    return Unreachable(f"{api_base} can't be reached ({str(error) or 'the connection broke'})")


def _is_refusal(error: Exception) -> bool:
    """Tell whether nobody is there. Where a name has several addresses, asyncio puts their errors into one text."""
    return isinstance(error, ConnectionRefusedError | socket.gaierror) or f"[Errno {errno.ECONNREFUSED}]" in str(error)


def _answered(status: int, retry_after: str, api_base: str) -> CstarError | Unreachable:
    """A failing cloud gets another try, and the time it asks for; one that refuses us doesn't."""
    if status == 401:
        return NotAllowed(
            f"The cloud at {api_base} refuses our key: it was revoked, or is another cloud's, user's or CSTAR_HOME's. "
            "cstar whoami says which one it is."
        )
    if status == 403:
        return NotAllowed(f"The cloud at {api_base} lets our key not listen: that takes one that writes (sk_…).")
    if status == 429 or status >= 500:
        wait_s = retry_after_s(retry_after, MOST_WAIT_S)
        asks = f" and asks to wait {wait_s} s" if wait_s else ""
        return Unreachable(f"the cloud answered {status}{asks}", wait_s=wait_s)
    return Unreachable(_foreign(api_base), foreign=True)


def _foreign(api_base: str) -> str:
    return f"Something that is not a cStar cloud answers at {api_base}"
