"""The routes."""

import logging

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from cstar_cli import __version__
from cstar_cli.cloud.api import deliveries, events, tail
from cstar_cli.cloud.api.answers import ApiError, broken, failure, invalid, missing, success, unavailable
from cstar_cli.cloud.api.guard import Access, Guard
from cstar_cli.cloud.api.tunnel import tunnel
from cstar_cli.cloud.service import Cloud
from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.events.envelope import iso

_log = logging.getLogger("cstar.cloud")


def build_app(cloud: Cloud, access: Access) -> ASGIApp:
    """Return the cloud's ASGI application."""
    team = Router(
        routes=[
            Route("/events", events.collection, methods=["GET", "POST"]),
            Route("/events/{event_id}", events.show, methods=["GET"]),
            Route("/deliveries", deliveries.index, methods=["GET"]),
            Route("/deliveries/tail", tail.tail, methods=["GET"]),
            Route("/deliveries/{delivery_id}", deliveries.show, methods=["GET"]),
            Route("/health", _health, methods=["GET"]),
            WebSocketRoute("/tunnel", tunnel),
            WebSocketRoute("/{path:path}", _no_such_socket),
        ],
        redirect_slashes=False,
    )
    app = Starlette(
        routes=[Mount("/api/v1/teams/{team_id}", team), WebSocketRoute("/{path:path}", _no_such_socket)],
        exception_handlers={
            ApiError: _api_error,
            StoreUnavailable: _store_unavailable,
            HTTPException: _http_exception,
            ClientDisconnect: _nobody_waits,
            Exception: _unexpected,
        },
    )
    app.router.redirect_slashes = False
    app.state.cloud = cloud
    return Guard(app, access)


async def _health(request: Request) -> Response:
    cloud: Cloud = request.app.state.cloud
    return success(
        {
            "status": "ok",
            "version": __version__,
            "pid": cloud.pid,
            "embedded": cloud.embedded,
            "database": cloud.database,
            "sessions": cloud.sessions.connected,
            "started_at": iso(cloud.started_at_ms),
        }
    )


async def _no_such_socket(websocket: WebSocket) -> None:
    await websocket.send_denial_response(failure(missing("No such websocket.")))


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return failure(error)


async def _store_unavailable(_: Request, error: Exception) -> Response:
    return failure(unavailable(str(error)))


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        message = f"{request.method} is not allowed on {request.scope['path']}."
        answer = failure(invalid("method_not_allowed", message, http_status=405))
        answer.headers["allow"] = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
        return answer
    if error.status_code == 404:
        return failure(missing(f"No route {request.scope['path']}."))
    return failure(invalid("bad_request", str(error.detail), http_status=error.status_code))


async def _nobody_waits(_: Request, __: Exception) -> Response:
    return Response(status_code=400)


async def _unexpected(request: Request, error: Exception) -> Response:
    """Answer a fault of ours in the error shape; uvicorn, which gets it next, is told to say nothing."""
    _log.error("%s %r failed: %r", request.method, request.scope["path"], error.__cause__ or error)
    return failure(broken())
