"""From a target to an open connection: lookup, TCP and TLS, each address in turn; or a Unix socket."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import msgspec

from cstar_cli.sender.connection import Connection
from cstar_cli.sender.deadlines import Clock
from cstar_cli.sender.outcome import Failure
from cstar_cli.sender.resolve import Resolve
from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import TlsFault, Trust, tls_trouble

if TYPE_CHECKING:
    import ssl

NEXT_ADDRESS_AFTER_S = 2.0
"""How long an address may stay silent while there are others to try: half of a broken dual stack is common."""


class Unconnected(msgspec.Struct, frozen=True):
    """Why there is no connection, with the words for a person."""

    failure: Failure
    detail: str
    tls: TlsFault | None = None


_PUBLIC_ONLY = "deliveries go to public addresses only"

Allow = Callable[[str], bool]
"""Whether a resolved address may be connected to."""

Make = Callable[[tuple[str, str, int], asyncio.AbstractEventLoop], Connection]


class Connector:
    """Opens connections; `make` builds the Connection that a socket is handed to."""

    def __init__(
        self,
        resolve: Resolve,
        allow: Allow | None,
        clock: Clock,
        trust: Trust,
        make: Make,
    ) -> None:
        self._resolve = resolve
        self._allow = allow
        self._clock = clock
        self._trust = trust
        self._ssl_context: ssl.SSLContext | None = None
        self._make = make

    async def connect(self, target: Target, deadline: float | None) -> Connection | Unconnected:
        """Return a connection to the first address that takes one; raise TimeoutError at the deadline.

        What is allowed is the very address that is connected to: there is no second lookup that could say otherwise.
        """
        async with asyncio.timeout(self._left(deadline)):
            if target.socket_path is not None:
                return await self._connect_on_socket(target.socket_path, target)
            try:
                addresses = await self._resolve(target.host, target.port)
            except (OSError, UnicodeError) as exc:
                return Unconnected(Failure.DNS, _lookup_trouble(target.host, exc))
            if not addresses:
                return Unconnected(Failure.DNS, f"name not found: {target.host}")
            found, addresses = addresses, [address for address in addresses if not self._allow or self._allow(address)]
            if not addresses:
                return Unconnected(Failure.ADDRESS, _denied(target.host, found))
            tried: list[tuple[str, Unconnected]] = []
            for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
                made = await self._connect_to(address, target, self._patience(left, deadline))
                if isinstance(made, Connection) or made.failure is Failure.TLS:
                    return made
                tried.append((_shown(address, target.port), made))
            return _all_failed(tried)

    async def _connect_to(self, address: str, target: Target, patience_s: float | None) -> Connection | Unconnected:
        loop = asyncio.get_running_loop()
        secure = target.scheme == "https"
        made = _Made(self._make, target.origin, loop)
        opening = loop.create_connection(
            made,
            address,
            target.port,
            ssl=self._context() if secure else None,
            server_hostname=target.host.rstrip(".") if secure else None,
        )
        with made:
            return made.keep(await _opened(opening, _shown(address, target.port), patience_s, secure=secure))

    async def _connect_on_socket(self, path: str, target: Target) -> Connection | Unconnected:
        if self._allow is not None:
            return Unconnected(Failure.ADDRESS, f"a Unix socket is not a public address: {_PUBLIC_ONLY}")
        loop = asyncio.get_running_loop()
        made = _Made(self._make, target.origin, loop)
        with made:
            return made.keep(await _opened(loop.create_unix_connection(made, path), path, None, secure=False))

    def _patience(self, addresses: int, deadline: float | None) -> float | None:
        if addresses == 1:
            return None
        left_s = self._left(deadline)
        return NEXT_ADDRESS_AFTER_S if left_s is None else min(NEXT_ADDRESS_AFTER_S, left_s / addresses)

    def _left(self, deadline: float | None) -> float | None:
        return None if deadline is None else deadline - self._clock()

    def _context(self) -> "ssl.SSLContext":
        if self._ssl_context is None:
            self._ssl_context = self._trust.context()
        return self._ssl_context


class _Made:
    """Makes a connection, and gives it up at the end unless it is kept.

    Where opening is cut short in the moment in which it has come about, uvloop closes the socket and doesn't say so.
    """

    def __init__(self, make: Make, origin: tuple[str, str, int], loop: asyncio.AbstractEventLoop) -> None:
        self._make = make
        self._origin = origin
        self._loop = loop
        self._made: Connection | None = None

    def __call__(self) -> Connection:
        self._made = self._make(self._origin, self._loop)
        return self._made

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        if self._made is not None:
            self._made.give_up()

    def keep(self, opened: Connection | Unconnected) -> Connection | Unconnected:
        if opened is self._made:
            self._made = None
        return opened


async def _opened(
    opening: Coroutine[Any, Any, tuple[asyncio.BaseTransport, Connection]],
    shown: str,
    patience_s: float | None,
    *,
    secure: bool,
) -> Connection | Unconnected:
    """Return the connection that is being opened, or why it can't be."""
    try:
        async with asyncio.timeout(patience_s):
            _, connection = await opening
        return connection
    except ConnectionRefusedError:
        return Unconnected(Failure.REFUSED, f"connection refused by {shown}")
    except FileNotFoundError:
        return Unconnected(Failure.REFUSED, f"there is no socket {shown}")
    except TimeoutError:
        return Unconnected(Failure.TIMEOUT, f"no answer from {shown}")
    except OSError as exc:
        if secure and (trouble := tls_trouble(exc)):
            return Unconnected(Failure.TLS, trouble.words, trouble.fault)
        words = os.strerror(exc.errno) if exc.errno else str(exc)
        return Unconnected(Failure.UNREACHABLE, f"cannot connect to {shown}: {words}")


def _shown(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _lookup_trouble(host: str, exc: OSError | UnicodeError) -> str:
    unknown = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
    if isinstance(exc, UnicodeError) or exc.errno in unknown:
        return f"name not found: {host}"
    return f"name lookup of {host} failed: {exc.strerror or exc}"


def _denied(host: str, addresses: list[str]) -> str:
    if addresses == [host]:
        return f"{host} is not a public address: {_PUBLIC_ONLY}"
    verdict = "which is not a public address" if len(addresses) == 1 else "none of which is a public address"
    return f"{host} resolves to {' and '.join(addresses)}, {verdict}: {_PUBLIC_ONLY}"


def _all_failed(tried: list[tuple[str, Unconnected]]) -> Unconnected:
    failures = [unconnected.failure for _, unconnected in tried]
    if all(failure is Failure.REFUSED for failure in failures):
        return Unconnected(Failure.REFUSED, "connection refused by " + " and ".join(shown for shown, _ in tried))
    # That somebody refused says more than that the other address family isn't there.
    failure = Failure.REFUSED if Failure.REFUSED in failures else failures[-1]
    return Unconnected(failure, "; ".join(unconnected.detail for _, unconnected in tried))
