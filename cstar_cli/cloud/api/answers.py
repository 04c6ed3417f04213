"""The reference's answer and error shapes. Every answer carries a request id."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from starlette.responses import Response

from cstar_cli.clock import now_ms
from cstar_cli.events.envelope import iso_ms, new_id

DOCS = "https://www.cstar.help/docs/api/errors"
RETRY_AFTER_S = 1
JSON = "application/json"
_encode = msgspec.json.Encoder().encode
Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""ISO 8601, in UTC."""


class Pagination(msgspec.Struct, rename="camel"):
    """Where a list's page stands."""

    page: int
    page_size: int
    has_more: bool


class AnswerMeta(msgspec.Struct, rename="camel"):
    """What is told of every success."""

    request_id: str
    timestamp: Time


class FailureMeta(msgspec.Struct):
    """What is told of every failure, beside the error."""

    timestamp: Time


class Problem(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Why a request was refused; `param` is the field or parameter that is wrong, where there is one."""

    type: str
    code: str
    message: str
    param: str | None = None
    doc_url: str
    request_id: str


class Failure(msgspec.Struct, kw_only=True):
    """What every error is wrapped in."""

    success: Literal[False] = False
    error: Problem
    meta: FailureMeta


class ApiError(Exception):
    """An answer that isn't success."""

    def __init__(
        self, http_status: int, type_: str, code: str, message: str, param: str | None = None, retry: bool = False
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.type = type_
        self.code = code
        self.message = message
        self.param = param
        self.retry = retry


def invalid(code: str, message: str, param: str | None = None, http_status: int = 400) -> ApiError:
    return ApiError(http_status, "invalid_request_error", code, message, param)


def missing(message: str) -> ApiError:
    return invalid("resource_missing", message, http_status=404)


def conflict(message: str) -> ApiError:
    return invalid("conflict", message, http_status=409)


def unauthenticated() -> ApiError:
    return ApiError(
        401,
        "authentication_error",
        "authentication_required",
        "A valid bearer token is needed: Authorization: Bearer …",
    )


def forbidden(message: str) -> ApiError:
    return ApiError(403, "authorization_error", "insufficient_permissions", message)


def unavailable(message: str) -> ApiError:
    return ApiError(503, "api_error", "store_unavailable", message, retry=True)


def broken() -> ApiError:
    return ApiError(500, "api_error", "internal_error", "The cloud has failed on this request; its log says why.")


def success(data: object, http_status: int = 200, pagination: Pagination | None = None) -> Response:
    request_id, answer = succeeded(data, pagination)
    return _response(answer, http_status, {"x-cstar-request-id": request_id})


def succeeded(data: object, pagination: Pagination | None = None) -> tuple[str, bytes]:
    """Return the request id of a success, and its body."""
    answer: dict[str, object] = {"success": True, "data": data}
    if pagination:
        answer["pagination"] = pagination
    request_id = new_id("req")
    answer["meta"] = AnswerMeta(request_id, iso_ms(now_ms()))
    return request_id, _encode(answer)


def failure(error: ApiError) -> Response:
    request_id = new_id("req")
    problem = Problem(
        type=error.type,
        code=error.code,
        message=error.message.encode(errors="backslashreplace").decode(),  # it may quote half a character
        param=error.param or None,
        doc_url=f"{DOCS}#{error.code}",
        request_id=request_id,
    )
    headers = {"x-cstar-request-id": request_id}
    if error.retry:
        headers["retry-after"] = str(RETRY_AFTER_S)
    if error.http_status == 401:
        headers["www-authenticate"] = "Bearer"
    answer = Failure(error=problem, meta=FailureMeta(iso_ms(now_ms())))
    return _response(_encode(answer), error.http_status, headers)


def _response(body: bytes, http_status: int, headers: Mapping[str, str]) -> Response:
    return Response(body, http_status, headers=headers, media_type=JSON)
