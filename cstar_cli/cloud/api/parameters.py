"""What queries may say: the fields of a struct. Parameters that it doesn't name are passed over."""

from functools import cache
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, inspect
from starlette.datastructures import QueryParams

from cstar_cli.cloud.api.answers import Time, invalid
from cstar_cli.cloud.store.queries import MAX_PAGE_SIZE, AttemptQuery, DeliveryQuery, Page, StatusFilter
from cstar_cli.cloud.store.records import DeliveryStatus
from cstar_cli.errors import UsageError
from cstar_cli.events.envelope import parse_iso
from cstar_cli.events.filters import EventFilter

MAX_PAGE = 1_000_000
MAX_LINES = 10_000
MAX_DIGITS = 19  # int() takes quadratic time

_STATUS = {"pattern": "^(succeeded|failed|canceled|[1-5][xX][xX]|[1-5][0-9][0-9])$"}

Query = TypeVar("Query", bound=msgspec.Struct)
Events = Annotated[
    list[str],
    Meta(description="Only these event types, each maybe a comma list: ticket.created, ticket.*, !ticket.closed."),
]
Target = Annotated[str, Meta(description="Only to this target: the id of a webhook or session, or a URL.")]
EventId = Annotated[str, Meta(description="Only of this event.")]


class PageQuery(msgspec.Struct, rename={"page_size": "pageSize"}):
    """Which part of a list, newest first."""

    page: Annotated[int, Meta(ge=1, le=MAX_PAGE, description="Which page, counted from 1.")] = 1
    page_size: Annotated[int, Meta(ge=1, le=MAX_PAGE_SIZE, description="How many a page holds.")] = 20

    def wanted_page(self) -> Page:
        return Page(number=self.page, size=self.page_size)


class EventsQuery(PageQuery):
    """Which events."""

    events: Events = []

    def wanted(self) -> EventFilter:
        return _filter(self.events)


class DeliveriesQuery(PageQuery):
    """Which deliveries."""

    events: Events = []
    status: Annotated[DeliveryStatus, Meta(description="Only those that stand so.")] | None = None
    target: Target | None = None
    event_id: EventId | None = None

    def wanted(self) -> DeliveryQuery:
        return DeliveryQuery(
            events=_filter(self.events), status=self.status, target=self.target, event_id=self.event_id
        )


class SessionsQuery(PageQuery):
    """Which open sessions."""

    name: Annotated[str, Meta(description="Only those of this name.")] | None = None


class TailQuery(msgspec.Struct):
    """Which attempts, and where to start: after a cursor, at a time, or with the last lines."""

    events: Events = []
    status: (
        Annotated[
            str,
            Meta(
                description="Only these outcomes: succeeded, failed, canceled, a class like 4xx, or a status like 404.",
                extra_json_schema=_STATUS,
            ),
        ]
        | None
    ) = None
    target: Target | None = None
    event_id: EventId | None = None
    follow: Annotated[bool, Meta(description="Stay, and show attempts as they happen.")] = True
    lines: Annotated[int, Meta(ge=0, le=MAX_LINES, description="How many of the last attempts to begin with.")] = 10
    after: Annotated[str, Meta(description="Begin after this cursor, not with the last lines.")] | None = None
    since: Annotated[Time, Meta(description="Begin with what was attempted since then.")] | None = None

    def wanted(self) -> AttemptQuery:
        try:
            status = StatusFilter.parse(self.status) if self.status is not None else StatusFilter()
        except UsageError as error:
            raise invalid("parameter_invalid", str(error), "status") from error
        return AttemptQuery(events=_filter(self.events), status=status, target=self.target, event_id=self.event_id)

    def since_ms(self) -> int | None:
        return None if self.since is None else time_ms(self.since, "since")


def read_query(given: QueryParams, kind: type[Query]) -> Query:
    """Return what the query says; of a parameter given twice the last counts, unless it is a list."""
    values = {name: _value(given, name, type_) for name, type_ in _fields(kind).items() if name in given}
    return msgspec.convert(values, kind)


def time_ms(text: str, param: str) -> int:
    try:
        return parse_iso(text)
    except UsageError as error:
        raise invalid("parameter_invalid", str(error), param) from error


def _filter(events: list[str]) -> EventFilter:
    try:
        return EventFilter.parse(events)
    except UsageError as error:
        raise invalid("parameter_invalid", str(error), "events") from error


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, inspect.Type]:
    return {field.encode_name: _bare(inspect.type_info(field.type)) for field in msgspec.structs.fields(kind)}


def _bare(type_: inspect.Type) -> inspect.Type:
    """Return the type without what is said about it, and without None, which no query can say."""
    match type_:
        case inspect.Metadata(type=inner):
            return _bare(inner)
        case inspect.UnionType(types=(inner, inspect.NoneType())):
            return _bare(inner)
        case _:
            return type_


def _value(given: QueryParams, name: str, type_: inspect.Type) -> object:
    text = given[name].replace("\0", "\N{REPLACEMENT CHARACTER}")  # which matches nothing; PostgreSQL refuses NUL
    match type_:
        case inspect.ListType():
            return given.getlist(name)
        case inspect.IntType(ge=int(least), le=int(most)):
            digits = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
            if not digits or not least <= int(text) <= most:
                raise invalid("parameter_invalid", f"{name} must be a whole number from {least} to {most}.", name)
            return int(text)
        case inspect.BoolType():
            if text not in ("true", "false"):
                raise invalid("parameter_invalid", f"{name} must be true or false.", name)
            return text == "true"
        case inspect.LiteralType(values=values) if text not in values:
            raise invalid("parameter_invalid", f"{name} must be one of {', '.join(map(str, values))}.", name)
        case _:
            return text
