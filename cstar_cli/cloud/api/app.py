"""The ASGI application: the routes of the table, what stands before them, and the answers that no route gives."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from cstar_cli.cloud.api.access_log import AccessLog
from cstar_cli.cloud.api.answers import ApiError, conflict, failure, invalid, missing
from cstar_cli.cloud.api.faults import Faults, answer_to_fault
from cstar_cli.cloud.api.guard import Access, Authorization, Guard, away, identity_of
from cstar_cli.cloud.api.idempotency import Idempotency
from cstar_cli.cloud.api.identity import Identities
from cstar_cli.cloud.api.limits import Limits
from cstar_cli.cloud.api.operations import Operation
from cstar_cli.cloud.api.routes import OPERATIONS
from cstar_cli.cloud.api.seeding import new_seed
from cstar_cli.cloud.api.sockets import Door
from cstar_cli.cloud.api.straight import Straight
from cstar_cli.cloud.service import Cloud
from cstar_cli.cloud.store.interface import Conflict, StoreUnavailable, Unknown


class Api(msgspec.Struct, frozen=True):
    """The application of requests, the straight way past it, and the door for websockets."""

    app: ASGIApp
    straight: Straight
    door: Door


def build_api(cloud: Cloud, access: Access) -> Api:
    """Return what a cloud serves; all share one guard, and both ways of requests their limits."""
    app: ASGIApp = _routed(cloud)
    accounts, clock = cloud.store.accounts, cloud.clock
    app = Idempotency(app, accounts, clock, asyncio.sleep, lambda: new_seed(cloud.now_ms()))
    app = Authorization(app)
    app = limits = Limits(app, accounts, cloud.options.limits, clock, cloud.now_ms)
    app = guard = Guard(app, access, Identities(access.teams_by_token, accounts, clock))
    return Api(AccessLog(Faults(app), cloud), Straight(cloud, guard, limits), Door(cloud, guard))


def _routed(cloud: Cloud) -> Starlette:
    app = Starlette(
        routes=_routes(OPERATIONS),
        exception_handlers={
            ApiError: _api_error,
            Unknown: _unknown,
            Conflict: _conflict,
            StoreUnavailable: _store_unavailable,
            HTTPException: _http_exception,
            ClientDisconnect: _nobody_waits,
            Exception: _unexpected,
        },
    )
    app.router.redirect_slashes = False
    app.state.cloud = cloud
    app.state.operations = OPERATIONS
    return app


def _routes(operations: tuple[Operation, ...]) -> list[BaseRoute]:
    """Return one route for each path, so that a wrong method is told all the right ones."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = operation
    return [Route(path, _endpoint(methods), methods=list(methods)) for path, methods in paths.items()]


def _endpoint(methods: dict[str, Operation]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await methods["GET" if request.method == "HEAD" else request.method].respond(request)

    return endpoint


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return failure(error)


async def _unknown(_: Request, error: Exception) -> Response:
    return failure(missing(str(error)))


async def _conflict(_: Request, error: Exception) -> Response:
    return failure(conflict(str(error)))


async def _store_unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, StoreUnavailable)
    return failure(away(error, identity_of(request.scope)))


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
    """Answer a fault of ours; uvicorn, which gets it next, is told to say nothing."""
    return answer_to_fault(request.scope, error)
