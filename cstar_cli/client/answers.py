"""The API's answers as structs, and the error that each refusal becomes."""

from typing import Annotated, TypeVar

import msgspec

from cstar_cli.config import is_local
from cstar_cli.errors import CloudUnreachable, CstarError, NotAllowed, NotThere, UsageError

Shape = TypeVar("Shape")

# What a proxy answers, in its own words, while the cloud behind it is away.
_GATEWAY_STATUSES = (502, 503, 504)


class Answer(msgspec.Struct):
    """What every success is wrapped in."""

    success: bool
    data: msgspec.Raw


class Pagination(msgspec.Struct, rename="camel"):
    """Where a page stands among others."""

    has_more: bool


class Listing(msgspec.Struct):
    """What a page of a list is wrapped in."""

    success: bool
    data: list[msgspec.Raw]
    pagination: Pagination


class Identified(msgspec.Struct):
    """What every record of a list has."""

    id: str


class Problem(msgspec.Struct):
    """Why the cloud refuses."""

    type: str
    code: str
    message: str


class Refusal(msgspec.Struct):
    """What every error is wrapped in."""

    success: bool
    error: Problem


class EventSummary(msgspec.Struct):
    id: str
    type: str


class DeliverySummary(msgspec.Struct):
    id: str
    target: str = ""
    target_away: bool = False


class CreatedEvent(msgspec.Struct):
    """What `POST /events` answers, as far as it is read here."""

    event: EventSummary
    deliveries: list[DeliverySummary]


class Health(msgspec.Struct):
    """What `GET /health` answers."""

    status: str
    version: str
    pid: Annotated[int, msgspec.Meta(gt=1)]
    embedded: bool
    database: str
    sessions: int
    started_at: str


class TailLine(msgspec.Struct):
    """What every line of the tail has; kinds that this version doesn't know are passed over."""

    kind: str
    cursor: str


def decode(body: bytes, shape: type[Shape], base: str) -> Shape:
    """Return the `data` of a success; raises CstarError where the answer is not a cloud's."""
    return read(read(body, Answer, base).data, shape, base)


def read(json: bytes | msgspec.Raw, shape: type[Shape], base: str) -> Shape:
    """Return what the JSON says, in the shape; raises CstarError where it doesn't fit."""
    try:
        return msgspec.json.decode(json, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise foreign(base, f"its answer doesn't fit: {error}") from error


def refusal(status: int, body: bytes, base: str) -> CstarError:
    """Return the error that an answer other than 2xx becomes."""
    try:
        problem = msgspec.json.decode(body, type=Refusal).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        if status in _GATEWAY_STATUSES:
            return CloudUnreachable(f"The cloud behind {base} doesn't answer (HTTP {status}): try again in a moment.")
        return foreign(base, f"HTTP {status}")
    if status == 401:
        return NotAllowed(
            f"The cloud at {base} refuses the key: it is wrong or revoked, or the token of another user or another "
            f"CSTAR_HOME. Log in with a good one: cstar login --api-base {base}"
        )
    if status == 403:
        return NotAllowed(problem.message)
    if status == 400:
        return UsageError(problem.message)
    if status == 409:
        return CstarError(problem.message)
    if status >= 500:
        return CloudUnreachable(f"The cloud at {base} is in trouble (HTTP {status}): {problem.message}")
    kind = NotThere if status == 404 else CstarError
    return kind(f"{problem.message.rstrip('.')} (HTTP {status} from {base}).")


def unreachable(base: str, reason: str) -> CloudUnreachable:
    """Return the error for an address that nothing answers on."""
    if is_local(base):
        return CloudUnreachable(f"No cloud answers at {base}: start one with: cstar listen   (or: cstar cloud serve)")
    return CloudUnreachable(f"No cloud answers at {base} ({reason}): check the address, and whether that cloud runs.")


def foreign(base: str, evidence: str) -> CstarError:
    """Return the error for an address that another program answers on."""
    return CstarError(
        f"Something that is not a cStar cloud answers at {base} ({evidence}): stop it, or use another address "
        "with --api-base."
    )
