"""The lines of a recording: one JSON object each, in UTF-8, the first of them a `Recording` (docs/recording.md).

Unknown fields and kinds are passed over, so that a later version may add some without becoming another one.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Annotated, NamedTuple, TypeVar

import msgspec

from cstar_cli.errors import CstarError

VERSION = 1
SUFFIX = ".jsonl"

_BOM = b"\xef\xbb\xbf"

Headers = tuple[tuple[str, str | None], ...]
"""Names with their values; None in place of one that was removed."""

_NAME = r"\A[!-~]{1,200}\Z"

# What goes into headers when it is sent again.
Name = Annotated[str, msgspec.Meta(pattern=_NAME)]
Attempt = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
HttpStatus = Annotated[int, msgspec.Meta(ge=0, le=999)]


class _Line(msgspec.Struct, frozen=True, tag_field="kind", omit_defaults=True):
    pass


class Recording(_Line, frozen=True, tag="recording"):
    """The first line: which version this is, who wrote it, when it began, what the user had redacted."""

    version: int
    agent: str
    started_at: str
    redacted: tuple[str, ...] = ()


class Session(_Line, frozen=True, tag="session"):
    """A session of the listener has begun: where its events go, and which; with several routes, each has its own."""

    at: str
    session_id: str
    forward_to: str
    events: tuple[str, ...]
    route: str | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of a post: `status` is None where no answer came, `error` says why it failed.

    A body is text or base64; neither where it is empty, or was `removed`. It is `cut` where it went on.
    """

    status: HttpStatus | None
    duration_ms: float
    error: str | None = None
    headers: Headers = ()
    body: str | None = None
    body_base64: str | None = None
    cut: bool = False
    removed: bool = False


class Delivery(_Line, frozen=True, tag="delivery"):
    """One attempt at a delivery, `number` in the order of their starts; `answer` is missing where it was cut short.

    The body is text or base64; neither where it was `removed`. `wire` is the version that it was signed by.
    """

    number: int
    at: str
    event_id: Name
    event_type: Name
    delivery_id: Name
    attempt: Attempt
    wire: str
    url: str
    headers: Headers
    body: str | None = None
    body_base64: str | None = None
    removed: bool = False
    session_id: Name | None = None
    route: str | None = None
    answer: Answer | None = None


class End(_Line, frozen=True, tag="end"):
    """The last line: all that was to be recorded is there."""

    at: str
    deliveries: int


Line = Recording | Session | Delivery | End
LineKind = TypeVar("LineKind", bound=Line)


class Placed(NamedTuple):
    """A line, and where in the file it begins."""

    offset: int
    line: Line


class Damaged(CstarError):
    """The file is not a recording, or not one that can be read; the message says where and why."""


class Torn(Exception):
    """The last line was never finished: whatever wrote it was killed, or the disk was full."""


class _Kind(msgspec.Struct):
    kind: str


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Line)
_kind_decoder = msgspec.json.Decoder(_Kind)
_KINDS = {kind.__struct_config__.tag for kind in Line.__args__}
_AS_SAID = f"`str` matching regex {_NAME!r}"  # by msgspec
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def encode(line: Line) -> bytes:
    """Return the line, with its newline."""
    return _encoder.encode(line) + b"\n"


def packed(body: bytes) -> tuple[str | None, str | None]:
    """Return a body as `body` and `body_base64` have it: one of them, or neither where it is empty."""
    if not body:
        return None, None
    try:
        return body.decode(), None
    except UnicodeDecodeError:
        return None, base64.b64encode(body).decode()


def body_of(holder: Delivery | Answer) -> bytes:
    """Return exactly the bytes that were recorded. Raises Damaged for what is no base64."""
    if holder.body is not None:
        return holder.body.encode()
    try:
        return base64.b64decode(holder.body_base64 or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Damaged(f"A body that is no base64: {error}.") from error


def read(lines: Iterable[bytes]) -> Iterator[Placed]:
    """Yield the lines of a file that are known here, from the first on.

    Raises Damaged, and at the end Torn where the last line was never finished: nothing else is missing then.
    """
    offset, begun = 0, False
    for number, raw in enumerate(lines, 1):
        text = raw.removeprefix(_BOM) if number == 1 else raw
        if not raw.endswith(b"\n"):
            if not begun:
                raise _no_recording(text)
            raise Torn
        if text.strip():
            line = _decoded(text, number, first=not begun)
            begun = True
            if line is not None:
                yield Placed(offset, line)
        offset += len(raw)
    if not begun:
        raise _no_recording(b"")


def delivery_in(raw: bytes) -> Delivery:
    """Return the delivery of a line that was read before."""
    line = _decoder.decode(raw)
    assert isinstance(line, Delivery)
    return line


def _decoded(text: bytes, number: int, *, first: bool) -> Line | None:
    line: Line | None = None
    try:
        line = _decoder.decode(text)
    except msgspec.ValidationError as error:
        kind = _kind_of(text)
        if kind in _KINDS:
            said = str(error).replace(_AS_SAID, "a name without spaces")
            raise Damaged(f"Line {number} has a wrong field: {said}. Was it changed by hand?") from error
        if kind is None and not first:
            raise Damaged(f"Line {number} has no kind: {error}. Was it changed by hand?") from error
    except _NOT_JSON as error:
        if first:
            raise _no_recording(text) from error
        raise Damaged(f"Line {number} is not JSON: {error}. Was it changed by hand?") from error
    if first:
        if not isinstance(line, Recording):
            raise _no_recording(text)
        if line.version > VERSION:
            raise Damaged(
                f"It is a recording of version {line.version}, by {line.agent}, and this cstar reads up to version"
                f" {VERSION}: update cstar."
            )
    return line


def _kind_of(text: bytes) -> str | None:
    try:
        return _kind_decoder.decode(text).kind
    except _NOT_JSON:
        return None


def _no_recording(text: bytes) -> Damaged:
    what = "It is not a recording" if text.strip() else "It is empty"
    return Damaged(f"{what}: cstar listen --record FILE makes one.")
