"""The OpenAPI 3.1 document, made from the table of routes and the types that requests are read into."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cstar_cli import __version__
from cstar_cli.cloud.api.answers import AnswerMeta, Failure, Pagination
from cstar_cli.cloud.api.bodies import is_optional
from cstar_cli.cloud.api.operations import Operation
from cstar_cli.cloud.api.origins import HEADER
from cstar_cli.protocol.frames import ORIGIN

Json = dict[str, object]

JSON = "application/json"
ABOUT = """\
The webhook service: events, the URLs and listeners they are delivered to, and the log of every attempt.

Listeners connect with a websocket at `/api/v1/teams/{team_id}/tunnel`, which this document can't describe.
Parameters of a query that a route doesn't know are passed over; unknown fields of a body are refused."""

_SCHEMA = "#/components/schemas/{name}"
_ID = "[A-Za-z0-9_-]+"
_PATH_PARAMETERS: Mapping[str, Json] = {
    "team_id": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"},
    "event_id": {"type": "string", "pattern": f"^evt_{_ID}$"},
    "delivery_id": {"type": "string", "pattern": f"^dlv_{_ID}$"},
    "webhook_id": {"type": "string", "pattern": f"^whk_{_ID}$"},
    "key_id": {"type": "string", "pattern": f"^key_{_ID}$"},
}
_REFUSALS = {
    400: "The request is malformed: `param` says where.",
    401: "There is no valid bearer token.",
    403: "The key may only read, or the request comes from another site's page or for another host.",
    404: "There is no such thing, or it is another team's.",
    409: "That doesn't go with how things are now, or the first request with this Idempotency-Key isn't done yet.",
    413: "The body, or the event made of it, is larger than 1 MiB.",
    422: "This Idempotency-Key was used for another request within 24 hours.",
    429: "The key has made all its requests of this window.",
    500: "The cloud has failed.",
    503: "The store is away: nothing has happened. Try again.",
}
_HEADERS: Mapping[str, Json] = {
    "x-cstar-request-id": {"description": "Names this answer.", "schema": {"type": "string"}},
    "X-RateLimit-Limit": {"description": "Requests that the key has in a window.", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "How many are left.", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "When the window ends, in Unix seconds.", "schema": {"type": "integer"}},
    "X-RateLimit-Window": {"description": "How long a window is, in seconds.", "schema": {"type": "integer"}},
    "Retry-After": {"description": "When to come back, in seconds.", "schema": {"type": "integer"}},
    "idempotent-replayed": {"description": "`true` on an answer that is given again.", "schema": {"type": "string"}},
}
_IDEMPOTENCY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Within 24 hours the same request with the same key is done once, and gets the first answer again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}

_ORIGIN: Json = {
    "name": HEADER,
    "in": "header",
    "description": "Which machine asks, by a random name: listeners may take only what theirs has triggered.",
    "schema": {"type": "string", "pattern": f"^{ORIGIN}$"},
}


async def show(request: Request) -> Response:
    """Answer with this document."""
    return Response(document(request.app.state.operations), media_type=JSON)


@cache
def document(operations: tuple[Operation, ...]) -> bytes:
    """Return the document as JSON."""
    shapes, components = _schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, shapes)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "cStar webhooks", "version": __version__, "description": ABOUT},
            "security": [{"bearer": []}],
            "paths": paths,
            "components": {
                "schemas": components,
                "responses": {_name(status): _refusal(status) for status in _REFUSALS},
                "headers": _HEADERS,
                "parameters": {"IdempotencyKey": _IDEMPOTENCY, "Origin": _ORIGIN},
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _schemas(operations: Iterable[Operation]) -> tuple[dict[object, Json], Json]:
    """Return the schema of each type that the operations name, and the components that these refer to."""
    types: list[object] = [AnswerMeta, Failure, Pagination]
    for operation in operations:
        types += [type_ for type_ in (_shown(operation), operation.body) if type_ is not None and type_ is not Response]
    types = list(dict.fromkeys(types))
    schemas, components = msgspec.json.schema_components(types, schema_hook=_anything, ref_template=_SCHEMA)
    return dict(zip(types, schemas, strict=True)), cast(Json, components)


def _anything(type_: type) -> Json:
    """Describe `object`, which is any JSON."""
    assert type_ is object, type_
    return {"description": "Any JSON."}


def _shown(operation: Operation) -> object:
    return operation.item or operation.returns


def _described(operation: Operation, shapes: Mapping[object, Json]) -> Json:
    described: Json = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.id.partition("_")[0]],
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": {str(operation.status): _answer(operation, shapes), **_refusals(operation, shapes)},
    }
    if operation.handler.__doc__:
        described["description"] = operation.handler.__doc__
    if operation.is_repeatable:
        cast(list[Json], described["parameters"]).append({"$ref": "#/components/parameters/IdempotencyKey"})
    if operation.triggers:
        cast(list[Json], described["parameters"]).append({"$ref": "#/components/parameters/Origin"})
    if operation.body is not None:
        content = {JSON: {"schema": shapes[operation.body]}}
        described["requestBody"] = {"required": not is_optional(operation.body), "content": content}
    if operation.public:
        described["security"] = []
    return described


def _path_parameters(operation: Operation) -> list[Json]:
    names = re.findall(r"\{(\w+)\}", operation.path)
    return [{"name": name, "in": "path", "required": True, "schema": _PATH_PARAMETERS[name]} for name in names]


def _query_parameters(operation: Operation) -> list[Json]:
    if operation.query is None:
        return []
    _, components = msgspec.json.schema_components([operation.query], ref_template=_SCHEMA)
    properties: dict[str, Json] = components[operation.query.__name__]["properties"]
    return [_query_parameter(name, schema) for name, schema in properties.items()]


def _query_parameter(name: str, schema: Json) -> Json:
    """Describe one; the null that stands for a parameter that isn't given can't be written in a query."""
    if "anyOf" in schema:
        [schema] = [one for one in cast(list[Json], schema["anyOf"]) if one != {"type": "null"}]
    shown = {key: value for key, value in schema.items() if key != "description"}
    return {"name": name, "in": "query", "description": schema["description"], "schema": shown}


def _answer(operation: Operation, shapes: Mapping[object, Json]) -> Json:
    answer: Json = {"description": operation.summary + ".", "headers": _headers(operation)}
    shape = shapes.get(_shown(operation))
    if operation.media:
        answer["content"] = {operation.media: {"schema": shape or {"type": "string"}}}
    else:
        assert shape is not None, operation
        answer["content"] = {JSON: {"schema": _wrapped(operation, shape, shapes)}}
    return answer


def _wrapped(operation: Operation, shape: Json, shapes: Mapping[object, Json]) -> Json:
    properties: Json = {"success": {"const": True}, "data": shape}
    if operation.item is not None:
        properties["data"] = {"type": "array", "items": shape}
        properties["pagination"] = shapes[Pagination]
    properties["meta"] = shapes[AnswerMeta]
    return {"type": "object", "properties": properties, "required": list(properties)}


def _headers(operation: Operation) -> Json:
    if operation.public:
        return {}
    names = [name for name in _HEADERS if name.startswith("X-RateLimit")]
    if operation.media is None:
        names.insert(0, "x-cstar-request-id")
    if operation.is_repeatable:
        names.append("idempotent-replayed")
    return _referred(names)


def _referred(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _refusals(operation: Operation, shapes: Mapping[object, Json]) -> Json:
    refusals: Json = {str(status): {"$ref": f"#/components/responses/{_name(status)}"} for status in operation.refusals}
    if operation.unready:
        refusals["503"] = {"description": operation.unready, "content": _answer(operation, shapes)["content"]}
    return refusals


def _name(status: int) -> str:
    return f"Refused{status}"


def _refusal(status: int) -> Json:
    names = ["x-cstar-request-id", *(name for name in _HEADERS if name.startswith("X-RateLimit"))]
    if status in (409, 429, 503):
        names.append("Retry-After")
    content = {JSON: {"schema": {"$ref": _SCHEMA.format(name=Failure.__name__)}}}
    return {"description": _REFUSALS[status], "headers": _referred(names), "content": content}
