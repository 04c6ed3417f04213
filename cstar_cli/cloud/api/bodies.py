"""What bodies may say: the fields of a struct, and no others."""

import re
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request

from cstar_cli.cloud.api.answers import ApiError, Time, invalid
from cstar_cli.events import canonical
from cstar_cli.events.envelope import MAX_BODY_BYTES
from cstar_cli.events.wires import DEFAULT, WireName

MAX_NAME_CHARS = 100
MAX_URL_CHARS = 2_000
MAX_PATTERNS = 100
DEFAULT_OVERLAP_S = 24 * 60 * 60
MAX_OVERLAP_S = 30 * DEFAULT_OVERLAP_S

Body = TypeVar("Body", bound=msgspec.Struct)
Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_NAME_CHARS,
        description="For people; no control characters.",
        examples=["Orders"],
        extra_json_schema={"pattern": r"^[^\x00-\x1f\x7f-\x9f]*$"},
    ),
]
Url = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_URL_CHARS,
        description="Where to post: http or https, without a user, a password or a fragment.",
        examples=["https://example.com/webhooks"],
        extra_json_schema={"format": "uri"},
    ),
]
Patterns = Annotated[
    list[Annotated[str, Meta(min_length=1)]],
    Meta(
        min_length=1,
        max_length=MAX_PATTERNS,
        description="Which event types: ticket.created, ticket.*, *.created, * for all, !ticket.closed for all but it.",
        examples=[["ticket.*", "survey.submitted"]],
    ),
]
EndpointWire = Annotated[
    WireName,
    Meta(description="The wire version that its deliveries have: payload, headers, signature, retries."),
]
EventWire = Annotated[
    WireName,
    Meta(description="A wire version: what an event's type, id and data are like.", examples=["2026-03"]),
]
EventType = Annotated[str, Meta(description="A type of the catalogue.", examples=["ticket.created"])]

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ID = re.compile(r"(whk|ses)_[A-Za-z0-9_-]+")
_EMPTY = re.compile(r"Expected `(?:str|array)` of length >= 1")
_PLACE = re.compile(r"(.*?)(?: - at `\$((?:\.[A-Za-z_]+)?).*`)?", re.DOTALL)


class NewEvent(msgspec.Struct, forbid_unknown_fields=True):
    """An event to send: a type of its wire version, or any `resource.action` with `custom`; data or a fixture."""

    type: EventType
    data: dict[str, object] | None = None
    custom: bool = False
    wire: EventWire = DEFAULT


class Resend(msgspec.Struct, forbid_unknown_fields=True):
    """Where to send an event again: to one webhook or session, or to all that match now."""

    to: Annotated[str, Meta(min_length=1, description="The id of a webhook or of a session.")] | None = None


class NewWebhook(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A URL to register; it is named after its host unless it is given a name."""

    url: Url
    events: Patterns
    name: Name | None = None
    is_active: bool = True
    wire: EndpointWire = DEFAULT


class WebhookPatch(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What to change; what isn't given stays."""

    url: Url | None = None
    events: Patterns | None = None
    name: Name | None = None
    is_active: bool | None = None
    wire: EndpointWire | None = None


class Test(msgspec.Struct, forbid_unknown_fields=True):
    """What to send; by default the first type of the catalogue that the webhook subscribes to."""

    event: EventType | None = None


class Rotation(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """How a secret is replaced."""

    overlap_seconds: Annotated[
        int, Meta(ge=0, le=MAX_OVERLAP_S, description="For how long the secret so far stays valid.")
    ] = DEFAULT_OVERLAP_S


class Recovery(msgspec.Struct, forbid_unknown_fields=True):
    """Which failed deliveries to send again."""

    since: Annotated[Time, Meta(description="Those that were made since then.", examples=["2025-12-10T14:30:00Z"])]


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


def is_optional(kind: type[msgspec.Struct]) -> bool:
    """Say whether a request may do without a body of this kind, as no field of it is needed."""
    return not any(field.required for field in msgspec.structs.fields(kind))


def read(body: bytes, kind: type[Body]) -> Body:
    """Return what the body says; JSON is read as JavaScript reads it, for events must survive that."""
    if not body and is_optional(kind):
        body = b"{}"
    try:
        return msgspec.convert(canonical.parse(body), kind)
    except canonical.MalformedJson as error:
        raise invalid("malformed_json", str(error)) from error
    except msgspec.ValidationError as error:
        raise _misfit(error) from error
    except UnicodeEncodeError as error:  # half a surrogate pair in the name of a field
        raise invalid("parameter_invalid", "Object contains an unknown field.") from error


def _misfit(error: msgspec.ValidationError) -> ApiError:
    """Return the refusal of a body of another shape, with the field that is wrong where there is one."""
    found = _PLACE.fullmatch(str(error))
    assert found  # whatever the message, the place is optional
    what, param = _EMPTY.sub("Must not be empty", found[1]), (found[2] or "").removeprefix(".")
    return invalid("parameter_invalid", f"{param}: {what}." if param else f"{what}.", param or None)


def check_name(name: str) -> str:
    """Return the name, or refuse it when it holds what no line of text does."""
    if _UNPRINTABLE.search(name):
        raise invalid("parameter_invalid", "name holds a control character: remove it.", "name")
    return name


def is_id(text: str) -> bool:
    """Say whether the text has the form of an id of a webhook or session."""
    return _ID.fullmatch(text) is not None
