"""Canonical bytes through msgspec, for the many values that it reads and prints as JavaScript does.

Apart from `canonical`, which every command loads: msgspec comes with the cloud.
"""

import msgspec

from cstar_cli.events.canonical import MalformedJson, prints_alike
from cstar_cli.events.envelope import Event, fresh_id, iso
from cstar_cli.events.wires import DEFAULT, wire

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def canonical(text: bytes | msgspec.Raw, depth: int = 0) -> bytes | None:
    """Return `JSON.stringify(JSON.parse(text))`, or None where it takes `canonical.canonical` to tell.

    `depth` is how many levels the value will be nested in.
    """
    try:
        value = _decode(text)
        return _encode(value) if prints_alike(value, depth) else None
    except (msgspec.DecodeError, UnicodeError, RecursionError, MalformedJson):
        return None


def build_event(
    event_type: str,
    data: bytes | msgspec.Raw,
    team_id: str,
    now_ms: int,
    origin: str | None = None,
    made_in: str = DEFAULT,
) -> Event | None:
    """Make the event from the JSON text of an object, or None where it takes `envelope.build_event`."""
    made = canonical(data, depth=1)
    if made is None or made[:1] != b"{":
        return None
    event_id = fresh_id(event_type, now_ms, made_in)
    fields = {"id": event_id, "type": event_type, "team_id": team_id, "created_at": iso(now_ms)}
    head = _encode(fields if made_in == DEFAULT else {key: fields[key] for key in wire(made_in).envelope[:-1]})
    body = b"".join((head[:-1], b',"data":', made, b"}"))
    return Event(event_id, event_type, team_id, now_ms, body, origin, made_in)
