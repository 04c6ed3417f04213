"""What the two ends of a tunnel say to each other.

A message is one or more frames. A frame is a JSON object in UTF-8 and a newline; where it has a positive
`body_bytes`, that many raw bytes and another newline follow. Bodies travel untouched: they are never JSON in JSON.
Unknown frames and unknown fields are skipped, so that either end may learn new words first.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec

from cstar_cli.errors import CstarError
from cstar_cli.events.wires import DEFAULT

SUBPROTOCOL = "cstar.tunnel.v1"
HEARTBEAT_S = 5.0
DEAD_AFTER_S = 12.0
MAX_MESSAGE_BYTES = 4 * 1024 * 1024

# What people call a session: it can be told from the ids and URLs that stand in its place, and typed in any shell.
SESSION_NAME = "[A-Za-z0-9][A-Za-z0-9.-]{0,49}"

# What a machine calls itself: random, and no name that would tell anything.
ORIGIN = "[A-Za-z0-9_-]{1,64}"

WISHES = ("only_origin", "since_ms", "latest", "wire")  # fields of a hello that an older cloud passes over

Headers = tuple[tuple[str, str], ...]

# What a peer says is kept, shown and put into headers: only names that a header can hold, texts of a bounded length,
# and numbers that a store and a calendar have. Which characters a name has is seen to by `decode`.
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=8000)]
SessionName = Annotated[str, msgspec.Meta(pattern=f"^{SESSION_NAME}$")]
Origin = Annotated[str, msgspec.Meta(pattern=f"^{ORIGIN}$")]
Attempt = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
HttpStatus = Annotated[int, msgspec.Meta(ge=0, le=999)]
RetrySpeed = Annotated[float, msgspec.Meta(ge=1, le=3600)]
TimeMs = Annotated[int, msgspec.Meta(ge=-62_135_596_800_000, le=253_402_300_799_999)]  # years 1 to 9999

WaitMs = Annotated[int, msgspec.Meta(ge=0, le=31_536_000_000)]  # a year
WaitsMs = Annotated[tuple[WaitMs, ...], msgspec.Meta(max_length=100)]


class MalformedMessage(CstarError):
    """The peer sent something that isn't the tunnel's language."""


class Hello(msgspec.Struct, frozen=True, tag="hello", omit_defaults=True):
    """The listener's first frame: who it is and what it wants.

    `holding` are the deliveries it has from an earlier connection and will still answer; `window` is how many
    unsettled deliveries it is willing to hold. With `retry_speed`, what fails is tried again, so many times faster than
    at a webhook. `name` is what people call the session; with `only_origin` it takes only events that were triggered
    there. A new session brings what came since `since_ms` and no listener was given; with `latest` it skips what came
    while it was away. Sessions of one `listener` aren't told of each other. Bodies are to be in the version `wire`.
    """

    forward_to: Text
    events: tuple[Text, ...]
    window: int
    session_id: Name | None = None
    holding: tuple[Name, ...] = ()
    agent: Text = ""
    retry_speed: RetrySpeed | None = None
    name: SessionName | None = None
    only_origin: Origin | None = None
    since_ms: TimeMs | None = None
    latest: bool = False
    listener: Name | None = None
    wire: Name = DEFAULT


_WISHLESS = Hello("", (), 1)


def wishes_in(hello: Hello) -> tuple[str, ...]:
    """Return which of `WISHES` it has."""
    return tuple(name for name in WISHES if getattr(hello, name) != getattr(_WISHLESS, name))


class Welcome(msgspec.Struct, frozen=True, tag="welcome", omit_defaults=True):
    """The session is accepted; `waiting` deliveries were made while the listener was away, or `skipped` as it asked.

    The oldest and the newest of their events were made at these times. `retry_waits_ms` are the waits before each retry
    of what fails, where the listener has asked for retries. A new session is told which `others` of the team, by their
    names or URLs, take some of the same events; there may be more. Of the `WISHES` in the hello, it `heeds` these.
    A new session that brings nothing is told how many events were `unheard` lately, and the times are of these.
    """

    session_id: Name
    resumed: bool
    waiting: int
    oldest_ms: TimeMs | None = None
    newest_ms: TimeMs | None = None
    retry_waits_ms: WaitsMs | None = None
    skipped: int = 0
    others: tuple[Text, ...] = ()
    more_others: int = 0
    heeds: tuple[Text, ...] = ()
    unheard: int = 0


class Joined(msgspec.Struct, frozen=True, tag="joined"):
    """Another listener of the team, by its name or URL, has opened a session that takes some of the same events."""

    who: Text


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The session isn't accepted, or ends here; coming back makes sense only with `retry`."""

    message: Text
    retry: bool


class Delivery(msgspec.Struct, frozen=True, gc=False, tag="event", omit_defaults=True):
    """One event for the listener to forward; `attempt` counts from 1, `body` is what gets signed and sent."""

    delivery_id: Name
    event_id: Name
    event_type: Name
    attempt: Attempt
    body_bytes: int = 0
    body: bytes = b""


class Result(msgspec.Struct, frozen=True, gc=False, tag="result", omit_defaults=True):
    """What came of one attempt: the only acknowledgement. `body` is the beginning of the receiver's answer."""

    delivery_id: Name
    attempt: Attempt
    succeeded: bool
    status: HttpStatus | None
    error: Text | None
    started_at_ms: TimeMs
    duration_ms: float
    request_headers: Headers = ()
    response_headers: Headers = ()
    body_bytes: int = 0
    body: bytes = b""


class Settled(msgspec.Struct, frozen=True, tag="settled", omit_defaults=True):
    """The results of these deliveries are durable; the listener may forget them.

    Those that have a `retry_at_ms` come again then, as the next attempt.
    """

    delivery_ids: tuple[Name, ...]
    retry_at_ms: dict[Name, TimeMs] = {}


class Heartbeat(msgspec.Struct, frozen=True, tag="heartbeat"):
    """Said when there was nothing else to say for `HEARTBEAT_S`."""


class Bye(msgspec.Struct, frozen=True, tag="bye"):
    """The listener ends its session; what it hasn't answered will never be."""


Frame = Hello | Welcome | Joined | Refused | Delivery | Result | Settled | Heartbeat | Bye


class _Kind(msgspec.Struct):
    type: str
    body_bytes: int = 0


_WITH_BODY = (Result, Delivery)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Frame)
_kind_decoder = msgspec.json.Decoder(_Kind)
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NAME = re.compile(r"[!-~]+")
_SPACE, _BACKSLASH, _DELETE = b" \\\x7f"  # numbers: with those, `in` is ten times quicker than with bytes
_KNOWN = {kind.__struct_config__.tag for kind in Frame.__args__}


def encode(frames: Iterable[Frame]) -> bytes:
    """Return one message that carries the frames in order."""
    return b"".join(map(encode_frame, frames))


def encode_frame(frame: Frame) -> bytes:
    """Return the frame's part of a message: parts that are put together are one message."""
    if isinstance(frame, _WITH_BODY) and frame.body:
        head = msgspec.structs.replace(frame, body=b"", body_bytes=len(frame.body))
        return b"%b\n%b\n" % (_encoder.encode(head), frame.body)
    return _encoder.encode(frame) + b"\n"


def decode(message: bytes) -> Sequence[Frame]:
    """Return the message's frames, without those of kinds unknown here.

    Raises MalformedMessage.
    """
    frames: list[Frame] = []
    at = 0
    while at < len(message):
        end = message.find(b"\n", at)
        if end < 0:
            raise MalformedMessage("a frame without its newline")
        frame, body_bytes = _decode_head(message[at:end])
        at = end + 1
        body = b""
        if body_bytes:
            body = message[at : at + body_bytes]
            at += body_bytes + 1
            if at > len(message) or message[at - 1 : at] != b"\n":
                raise MalformedMessage("a body of another length than said")
        if isinstance(frame, _WITH_BODY) and frame.body != body:
            msgspec.structs.force_setattr(frame, "body", body)  # nobody has seen it yet
        if frame is not None:
            frames.append(frame)
    return frames


def _decode_head(head: bytes) -> tuple[Frame | None, int]:
    try:
        frame = _decoder.decode(head)
        body_bytes = frame.body_bytes if isinstance(frame, _WITH_BODY) else 0
        # Where all that is said can be in a name, the names need no look each.
        if not head.isascii() or _SPACE in head or _BACKSLASH in head or _DELETE in head:
            _check_names(frame)
    except msgspec.ValidationError as error:
        frame, body_bytes = _skip_unknown(head, error)
    except _NOT_JSON as error:
        raise MalformedMessage(f"a frame that isn't JSON: {error}") from error
    if body_bytes < 0:
        raise MalformedMessage("a body of negative length")
    return frame, body_bytes


def _check_names(frame: Frame) -> None:
    for name in _names_in(frame):
        if not _NAME.fullmatch(name):
            raise msgspec.ValidationError(f"{name!r} is no name")


def _names_in(frame: Frame) -> Sequence[str]:
    match frame:
        case Hello():
            optional = (frame.session_id, frame.listener, frame.name, frame.only_origin)  # `$` lets a newline pass
            return [*filter(None, optional), frame.wire, *frame.holding]
        case Welcome():
            return (frame.session_id,)
        case Delivery():
            return (frame.delivery_id, frame.event_id, frame.event_type)
        case Result():
            return (frame.delivery_id,)
        case Settled():
            return (*frame.delivery_ids, *frame.retry_at_ms)
        case _:
            return ()


def _skip_unknown(head: bytes, error: msgspec.ValidationError) -> tuple[None, int]:
    try:
        kind = _kind_decoder.decode(head)
    except msgspec.ValidationError as no_kind:
        raise MalformedMessage(f"a frame without a type: {no_kind}") from no_kind
    except _NOT_JSON as malformed:
        raise MalformedMessage(f"a frame that isn't JSON: {malformed}") from malformed
    if kind.type in _KNOWN:
        raise MalformedMessage(f"a {kind.type} frame with a wrong field: {error}") from error
    return None, kind.body_bytes
