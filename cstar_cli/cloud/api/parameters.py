"""What queries and bodies may say."""

from collections.abc import Mapping

from starlette.datastructures import QueryParams
from starlette.requests import Request

from cstar_cli.cloud.api.answers import ApiError, invalid
from cstar_cli.cloud.store.queries import MAX_PAGE_SIZE, AttemptQuery, DeliveryQuery, Page, StatusFilter
from cstar_cli.cloud.store.records import DeliveryStatus
from cstar_cli.errors import UsageError
from cstar_cli.events.envelope import MAX_BODY_BYTES, parse_iso
from cstar_cli.events.filters import EventFilter

MAX_LINES = 10_000
DELIVERY_STATUSES: Mapping[str, DeliveryStatus] = {
    "pending": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
}


def too_large(what: str) -> ApiError:
    return invalid("body_too_large", f"{what} is larger than 1 MiB ({MAX_BODY_BYTES} bytes).", http_status=413)


async def read_body(request: Request) -> bytes:
    """Return the request's body, or refuse it as soon as it is too large."""
    said = request.headers.get("content-length", "0")
    if len(said) > 15 or int(said) > MAX_BODY_BYTES:  # the HTTP parser lets only digits pass
        raise too_large("The body")
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise too_large("The body")
        parts.append(part)
    return b"".join(parts)


def page(query: QueryParams) -> Page:
    return Page(
        number=whole(query, "page", default=1, least=1, most=1_000_000),
        size=whole(query, "pageSize", default=20, least=1, most=MAX_PAGE_SIZE),
    )


def whole(query: QueryParams, name: str, *, default: int, least: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise invalid("parameter_invalid", f"{name} must be a whole number from {least} to {most}.", name)
    return int(text)


def boolean(query: QueryParams, name: str, *, default: bool) -> bool:
    text = query.get(name, "true" if default else "false")
    if text not in ("true", "false"):
        raise invalid("parameter_invalid", f"{name} must be true or false.", name)
    return text == "true"


def event_filter(query: QueryParams) -> EventFilter:
    try:
        return EventFilter.parse(query.getlist("events"))
    except UsageError as error:
        raise invalid("parameter_invalid", str(error), "events") from error


def since_ms(text: str) -> int:
    try:
        return parse_iso(text)
    except UsageError as error:
        raise invalid("parameter_invalid", str(error), "since") from error


def delivery_query(query: QueryParams) -> DeliveryQuery:
    status = query.get("status")
    if status is not None and status not in DELIVERY_STATUSES:
        raise invalid("parameter_invalid", f"status must be one of {', '.join(DELIVERY_STATUSES)}.", "status")
    return DeliveryQuery(
        events=event_filter(query),
        status=DELIVERY_STATUSES[status] if status else None,
        target=query.get("target"),
        event_id=query.get("event_id"),
    )


def attempt_query(query: QueryParams) -> AttemptQuery:
    try:
        status = StatusFilter.parse(query["status"]) if "status" in query else StatusFilter()
    except UsageError as error:
        raise invalid("parameter_invalid", str(error), "status") from error
    return AttemptQuery(
        events=event_filter(query), status=status, target=query.get("target"), event_id=query.get("event_id")
    )
