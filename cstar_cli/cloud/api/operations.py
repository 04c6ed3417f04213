"""One method on one path, as it is served and as the OpenAPI document describes it.

What a handler takes and returns stands in its annotations alone: `query` and `body` are structs that the request is
read into, and what it returns is put into the reference's answer. So the document can't differ from what is checked.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import force_setattr
from starlette.requests import Request
from starlette.responses import Response

from cstar_cli.cloud.api.answers import Pagination, missing, success
from cstar_cli.cloud.api.bodies import read, read_body
from cstar_cli.cloud.api.parameters import PageQuery, read_query
from cstar_cli.cloud.service import Cloud

Item = TypeVar("Item")


class Listed(msgspec.Struct, Generic[Item], frozen=True):
    """One page of a list; `more` says that there is a next one."""

    items: Sequence[Item]
    query: PageQuery
    more: bool

    def pagination(self) -> Pagination:
        return Pagination(self.query.page, self.query.page_size, self.more)


class Operation(msgspec.Struct, frozen=True):
    """One method on one path.

    `media` is the type of an answer that isn't in the reference's shape, and `answer` what it holds. A `public`
    operation needs no token. One that `triggers` deliveries heeds which machine asks. `unready` says when it answers
    503, in the shape of its success. What it takes and `returns` stands in its handler's annotations.
    """

    method: str
    path: str
    handler: Callable[..., Awaitable[object]]
    summary: str
    status: int = 200
    media: str | None = None
    answer: object = None
    public: bool = False
    triggers: bool = False
    unready: str | None = None
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    returns: object = None

    def __post_init__(self) -> None:
        hints = get_type_hints(self.handler)
        force_setattr(self, "query", hints.get("query"))
        force_setattr(self, "body", hints.get("body"))
        force_setattr(self, "returns", self.answer or hints["return"])

    @property
    def id(self) -> str:
        """The operation's name in the document, like `webhooks_create`."""
        return f"{self.handler.__module__.rpartition('.')[2]}_{self.handler.__name__}"

    @property
    def item(self) -> object | None:
        """What a list holds one of; None where the answer is no list."""
        return get_args(self.returns)[0] if get_origin(self.returns) is Listed else None

    @property
    def is_repeatable(self) -> bool:
        """Whether an `Idempotency-Key` counts."""
        return self.method in ("POST", "PATCH")

    @property
    def refusals(self) -> list[int]:
        """The statuses, beside that of success, that it may answer in the error shape."""
        if self.public:
            return [403, 500]
        refusals = {401, 403, 429, 500, 503}
        if "{team_id}" in self.path:
            refusals.add(404)
        if self.query is not None:
            refusals.add(400)
        if self.is_repeatable:
            refusals |= {400, 409, 413, 422}
        return sorted(refusals)

    async def respond(self, request: Request) -> Response:
        """Read the request, do it, and wrap what comes of it."""
        if any("\0" in value for value in request.path_params.values()):  # no id, and no text for PostgreSQL
            raise missing(f"No route {request.scope['path']}.")
        arguments: dict[str, msgspec.Struct] = {}
        if self.query is not None:
            arguments["query"] = read_query(request.query_params, self.query)
        if self.body is not None:
            arguments["body"] = read(await read_body(request), self.body)
        said = await self.handler(request, **arguments)
        match said:
            case Response():
                return said
            case Listed(items=items):
                return success(items, pagination=said.pagination())
            case _:
                return success(said, self.status)


def cloud_of(request: Request) -> Cloud:
    """The node that serves the request."""
    cloud: Cloud = request.app.state.cloud
    return cloud


def team_of(request: Request) -> str:
    """The team in the request's path, which the token opens."""
    team_id: str = request.path_params["team_id"]
    return team_id
