"""Who may come in: requests meant for this cloud, not from a foreign web page, with the token.

A page in a browser can send requests to 127.0.0.1, and a name that an attacker owns can be made to resolve to it; both
show in `Origin` and `Host`. An address as `Host` can't be rebound, a name can: only names we know are accepted.
"""

import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from cstar_cli.cloud.api.answers import ApiError, failure, forbidden, missing, unauthenticated

_HOST = re.compile(r"(?:\[([^\[\]]+)\]|([^\[\]:@]+))(?::[0-9]*)?")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use the cloud: bearer tokens and the team that each opens; `hosts` are names beside `localhost`."""

    teams_by_token: Mapping[str, str]
    hosts: frozenset[str] = frozenset()

    def team_of(self, authorization: str) -> str | None:
        """Return the team that the header's token opens, comparing in constant time."""
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        for token, team_id in self.teams_by_token.items():
            if hmac.compare_digest(token.encode(), given.strip().encode()):
                return team_id
        return None


class Guard:
    """ASGI middleware: refuses what may not come in, in the error shape, before any body is read."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        try:
            self._check(HTTPConnection(scope))
        except ApiError as error:
            answer = failure(error)
            if scope["type"] == "websocket":
                socket = WebSocket(scope, receive, send)
                await socket.receive()
                return await socket.send_denial_response(answer)
            return await answer(scope, receive, send)
        return await self._app(scope, receive, send)

    def _check(self, connection: HTTPConnection) -> None:
        headers = connection.headers
        if not self._is_ours(_hostname(",".join(headers.getlist("host")))):
            raise forbidden("This Host is not the cloud's: use its address, or allow the name with --allow-host.")
        if not _same_origin(headers):
            raise forbidden("Requests from other sites' pages are refused.")
        team_id = self._access.team_of(headers.get("authorization", ""))
        if team_id is None:
            raise unauthenticated()
        path = connection.scope["path"]
        if path.startswith("/api/v1/teams/") and path.split("/")[4] != team_id:
            raise missing("No such team, or not yours.")

    def _is_ours(self, host: str | None) -> bool:
        if host is None:
            return False
        if host == "localhost" or host in {name.lower() for name in self._access.hosts}:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True


def _hostname(host: str) -> str | None:
    """Return the name or address without the port, in lower case."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else None


def _same_origin(headers: Headers) -> bool:
    origin = headers.get("origin")
    return origin is None or origin in (f"http://{headers.get('host')}", f"https://{headers.get('host')}")
