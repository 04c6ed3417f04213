"""Who may come in: requests meant for this cloud, not from a foreign web page, with a token; and what it opens.

A page in a browser can send requests to 127.0.0.1, and a name that an attacker owns can be made to resolve to it; both
show in `Origin` and `Host`. An address as `Host` can't be rebound, a name can: only names we know are accepted.

From the outside in: `Guard` finds out who asks, `Limits` counts, `Authorization` says what the identity may do.
"""

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache

import msgspec
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from cstar_cli.cloud.api.answers import ApiError, failure, forbidden, missing, unauthenticated, unavailable
from cstar_cli.cloud.api.identity import Identities, Identity
from cstar_cli.cloud.store.interface import StoreUnavailable

PROBES = frozenset({"/health", "/ready", "/metrics"})
"""What load balancers and scrapers ask, under addresses and names of their own."""
PUBLIC = PROBES | {"/openapi.json"}
READING = frozenset({"GET", "HEAD"})
TEAMS = "/api/v1/teams/"
MAX_ADDRESS_CHARS = 64  # an IPv6 address in full, and the name of an interface

_HOST = re.compile(r"(?:\[([^\[\]]+)\]|([^\[\]:@]+))(?::[0-9]*)?")


class Access(msgspec.Struct, frozen=True):
    """Who may use the cloud beside the holders of API keys: bearer tokens and the team that each opens.

    `hosts` are names of the cloud beside `localhost`.
    """

    teams_by_token: Mapping[str, str]
    hosts: frozenset[str] = frozenset()


class Guard:
    """ASGI middleware: refuses what may not come in, in the error shape, before any body is read.

    What comes in has its `Identity` in `scope["state"]["identity"]`, or None where the route is public.
    """

    def __init__(self, app: ASGIApp, access: Access, identities: Identities) -> None:
        self._app = app
        self._hosts = {"localhost"} | {name.lower() for name in access.hosts}
        self._identities = identities

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        try:
            identity = await self.admit(scope)
        except ApiError as error:
            return await refuse(error, scope, receive, send)
        except StoreUnavailable as error:
            return await refuse(away(error, None), scope, receive, send)
        scope.setdefault("state", {})["identity"] = identity
        return await self._app(scope, receive, send)

    def recall(self, authorization: str) -> Identity | None:
        """Return who asks, where it takes no question to the store to tell."""
        return self._identities.recall(authorization)

    def is_ours(self, host: str) -> bool:
        """Say whether the `Host` is one of the cloud's."""
        name = _hostname(host)
        return name is not None and (name in self._hosts or _is_address(name))

    async def admit(self, scope: Scope) -> Identity | None:
        """Return who asks, None where that doesn't matter. Raises ApiError, StoreUnavailable."""
        connection = HTTPConnection(scope)
        path = connection.scope["path"] if connection.scope["type"] == "http" else None
        headers = connection.headers
        if path not in PROBES and not self.is_ours(_joined(headers, "host")):
            raise forbidden("This Host is not the cloud's: use its address, or allow the name with --allow-host.")
        if not _same_origin(headers):
            raise forbidden("Requests from other sites' pages are refused.")
        if path in PUBLIC:
            return None
        identity = await self._identities.identify(_joined(headers, "authorization"))
        if identity is None:
            raise unauthenticated()
        return identity


class Authorization:
    """ASGI middleware: an identity reaches its own team alone, and with a publishable key only to read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        identity = identity_of(scope)
        if identity is not None:
            try:
                check(identity, scope)
            except ApiError as error:
                return await refuse(error, scope, receive, send)
        return await self._app(scope, receive, send)


def identity_of(scope: Scope) -> Identity | None:
    """Return whom the guard has found asking."""
    identity: Identity | None = scope.get("state", {}).get("identity")
    return identity


def away(error: StoreUnavailable, identity: Identity | None) -> ApiError:
    """Return the answer while the store is away; which database that is and why, only the home's own token is told."""
    is_own = identity is not None and identity.key_id is None
    return unavailable(str(error) if is_own else "The cloud's database is away: try again soon.")


async def refuse(error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the error, a websocket's handshake too."""
    await refuse_with(failure(error), scope, receive, send)


async def refuse_with(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Give the answer, to a websocket's handshake too."""
    if scope["type"] == "websocket":
        socket = WebSocket(scope, receive, send)
        await socket.receive()
        return await socket.send_denial_response(answer)
    return await answer(scope, receive, send)


def check(identity: Identity, scope: Scope) -> None:
    """Raise ApiError unless the identity may do what is asked."""
    path: str = scope["path"]
    if not path.startswith("/") or "\0" in path:  # a websocket's whole URL; what no database takes as an id
        raise missing(f"No route {path}.")
    # cut where the router cuts it: at the slashes of the decoded path
    if path.startswith(TEAMS) and path.removeprefix(TEAMS).split("/")[0] != identity.team_id:
        raise missing("No such team, or not yours.")
    if identity.read_only and scope.get("method") not in READING:  # a websocket has no method
        raise forbidden("A publishable key only reads: use a secret key (sk_live_…).")


def _joined(headers: Headers, name: str) -> str:
    """Return the header's value; two of them make one that nothing accepts, whichever a proxy before us looked at."""
    return ",".join(headers.getlist(name))


def _hostname(host: str) -> str | None:
    """Return the name or address without the port, in lower case."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else None


def _is_address(host: str) -> bool:
    return len(host) <= MAX_ADDRESS_CHARS and _parses(host)


@lru_cache(maxsize=256)
def _parses(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _same_origin(headers: Headers) -> bool:
    origin = headers.get("origin")
    return origin is None or origin in (f"http://{headers.get('host')}", f"https://{headers.get('host')}")
