"""One websocket to the cloud: dial, frames in and out; which failures are worth another try."""

import errno
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus, NegotiationError
from websockets.typing import Subprotocol

from cstar_cli.backoff import retry_after_s
from cstar_cli.errors import CstarError, NotAllowed
from cstar_cli.protocol.frames import MAX_MESSAGE_BYTES, SUBPROTOCOL, Frame, MalformedMessage, decode

DIAL_S = 5.0
CLOSE_S = 1.0
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


class Connection(Protocol):
    """A tunnel that is up. Both methods raise Unreachable when it is gone."""

    async def receive(self) -> Sequence[Frame]: ...

    async def send(self, message: bytes) -> None: ...


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
    """Open the tunnel's websocket. Raises Unreachable, or NotAllowed when the cloud refuses us."""
    connecting = _Connect(
        address.tunnel_url,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        additional_headers={"Authorization": f"Bearer {address.token}"},
        user_agent_header=None,
        compression=None,
        proxy=None,
        open_timeout=DIAL_S,
        close_timeout=CLOSE_S,
        ping_interval=None,
        max_size=2 * MAX_MESSAGE_BYTES,
    )
    try:
        websocket = await connecting
    except (OSError, InvalidHandshake, InvalidMessage, ConnectionClosed, EOFError) as error:
        raise _explain(error, address.api_base) from error
    async with websocket:
        if websocket.subprotocol != SUBPROTOCOL:
            raise Unreachable(_foreign(address.api_base), foreign=True)
        yield _Websocket(websocket)


class _Connect(connect):
    """Follows no redirects: the token is for the cloud that the user named, and for nobody else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _Websocket:
    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket

    async def receive(self) -> Sequence[Frame]:
        try:
            return decode(await self._websocket.recv(decode=False))
        except ConnectionClosed as closed:
            raise _gone(closed) from closed
        except MalformedMessage as error:
            raise Unreachable(f"the cloud sent {error}") from error

    async def send(self, message: bytes) -> None:
        try:
            await self._websocket.send(message)
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
