"""One line in the log and one count for each request; the outermost middleware, so that it sees what guards refuse."""

from time import perf_counter
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cstar_cli.cloud import logs
from cstar_cli.cloud.api.guard import PROBES
from cstar_cli.cloud.service import Cloud

REQUEST = "request"
UNMATCHED = "unmatched"
NOT_ANSWERED = 499  # the client has gone before


class AccessLog:
    """ASGI middleware around all others. Of the URL only the path is logged: a query may hold anything.

    Of websockets only what is refused is a request; the others are tunnels, whose relay says how they go.
    """

    def __init__(self, app: ASGIApp, cloud: Cloud) -> None:
        self._app = app
        self._cloud = cloud

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        started: Message = {"status": NOT_ANSWERED, "headers": []}

        async def sending(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                started.update(message)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            if scope["type"] == "http" or started["status"] != NOT_ANSWERED:
                self._note(scope, started, (perf_counter() - began) * 1000)

    def _note(self, scope: Scope, started: Message, duration_ms: float) -> None:
        method = scope.get("method", "GET")
        self._cloud.metrics.requested(method, _template(scope), started["status"])
        if scope["path"] not in PROBES and logs.is_on():  # those are asked every few seconds: counted, not logged
            request_id = Headers(raw=started["headers"]).get("x-cstar-request-id")
            path = quote(scope["path"])
            logs.info(REQUEST, **line(method, path, started["status"], duration_ms, request_id, _team(scope)))


def line(
    method: str, path: str, status: int, duration_ms: float, request_id: str | None, team_id: str | None
) -> logs.Fields:
    """Return the fields of a request's line; the path is as it came, in plain characters."""
    return {
        "method": method,
        "path": path,
        "status": status,
        "ms": round(duration_ms, 1),
        "request_id": request_id,
        "team_id": team_id,
    }


def _template(scope: Scope) -> str:
    """Return the path of the route with the names of its parameters: a label that has few values."""
    route = scope.get("route")
    return route.path if isinstance(route, Route) else UNMATCHED


def _team(scope: Scope) -> str | None:
    """Return the team of whoever was let in."""
    identity = scope.get("state", {}).get("identity")
    team_id: str | None = getattr(identity, "team_id", None) or scope.get("path_params", {}).get("team_id")
    return team_id
