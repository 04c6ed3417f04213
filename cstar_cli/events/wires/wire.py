"""What every wire version answers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from cstar_cli.events.canonical import Json

Headers = tuple[tuple[str, str], ...]
NewBytes = Callable[[int], bytes]
"""Gives so many bytes that ids are made of."""

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Sending(msgspec.Struct, frozen=True, gc=False):
    """One attempt at a delivery, as its headers tell of it. `endpoint_id` is a webhook's (`whk_…`) or a session's."""

    event_id: str
    event_type: str
    delivery_id: str
    endpoint_id: str
    attempt: int
    at_ms: int
    body: bytes


class Wire(Protocol):
    """One version."""

    name: str
    envelope: tuple[str, ...]
    """The keys of an event, in their order; `data` is the last."""
    signature_header: str
    """Its name, as it is sent."""
    own_headers: frozenset[str]
    """The names, in lower case, that `headers` gives and nobody else may."""
    user_agent: str | None
    """What everybody calls himself who sends a delivery, where this version says so."""
    retries_s: tuple[float, ...]
    """The waits before each retry, counted from the end of the failed attempt."""

    def sign(self, body: bytes, secret: str, at_s: int, /) -> str:
        """Return the signature header's value for exactly these bytes; `at_s` is the time in Unix seconds."""
        ...

    def headers(self, sending: Sending, secret: str, /) -> Headers:
        """Return the headers of an attempt, the signature among them."""
        ...

    def event_id(self, event_type: str, at_ms: int, new_bytes: NewBytes | None = None, /) -> str:
        """Return an id for an event; it is fresh unless the bytes are given that it is made of."""
        ...

    def resource_name(self, event_type: str, /) -> str | None:
        """Return what the resource that an event is about is called in its `data`; None where it is that itself."""
        ...

    def resource_of(self, event_type: str, data: "Json", /) -> "Json":
        """Return what an event of this version is about: the resource alone."""
        ...

    def data_of(self, event_type: str, resource: "Json", /) -> "Json":
        """Return this version's `data` about a resource: the inverse of `resource_of`, so far as it is told."""
        ...


def translated(body: bytes, made_in: Wire, wanted: Wire) -> bytes:
    """Return an event's body as another version has it; always the same bytes for the same body.

    All but the order of keys and the shape of `data` stays: id, type and times are the event's own.
    """
    if made_in is wanted:
        return body
    try:
        return _put_together(body, made_in, wanted)
    except (msgspec.DecodeError, RecursionError):  # half a surrogate pair, which is no JSON to msgspec
        return _made_anew(body, made_in, wanted)


def _put_together(body: bytes, made_in: Wire, wanted: Wire) -> bytes:
    """Do it with the bytes that are there: no value is read, however large it is."""
    parts = _decode(body)
    event_type, data = msgspec.json.decode(parts["type"], type=str), bytes(parts["data"])
    name_there, name_here = made_in.resource_name(event_type), wanted.resource_name(event_type)
    if name_there is not None and data.startswith(b"{"):
        named = bytes(_decode(data).get(name_there, b""))
        data = named if named.startswith(b"{") else data
    if name_here is not None:
        data = b'{"%b":%b}' % (name_here.encode(), data)
    head = [b'"%b":%b,' % (key.encode(), parts[key]) for key in wanted.envelope[:-1]]
    return b'{%b"data":%b}' % (b"".join(head), data)


def _made_anew(body: bytes, made_in: Wire, wanted: Wire) -> bytes:
    from cstar_cli.events import canonical

    event = canonical.parse(body)
    assert isinstance(event, dict)
    event_type = event["type"]
    assert isinstance(event_type, str)
    event["data"] = wanted.data_of(event_type, made_in.resource_of(event_type, event["data"]))
    # One level deeper than a body of its own may be: the name of the resource makes it so.
    return canonical.dumps({key: event[key] for key in wanted.envelope}, depth=-1)
