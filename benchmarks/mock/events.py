"""The event that every tool gets, and how a stream of them is made at the cost of a join each.

An event's number stands wherever its ids do, always eight digits, so that all frames of a kind are equally long: they
are made once, as a template, and cut where the number goes.
"""

import json

NUMBER = b"00000000"
EVENT_BYTES = 1536


def event_body(size: int = EVENT_BYTES) -> bytes:
    """Return an event of exactly this size, as it is posted, numbered `NUMBER`."""
    event = {
        "id": f"evt_{NUMBER.decode()}",
        "type": "ticket.created",
        "team_id": "7d3f0c0e-6f4b-4a53-9a55-0d2c6a2f7b11",
        "created_at": "2025-12-10T14:30:00Z",
        "data": {"id": "550e8400-e29b-41d4-a716-446655440000", "title": "Cannot log in", "description": ""},
    }
    bare = json.dumps(event, separators=(",", ":"))
    filler = "I reset my password twice, but the login page still says that it is wrong. "
    missing = size - len(bare)
    text = (filler * (missing // len(filler) + 1))[:missing]
    return bare.replace('"description":""', f'"description":"{text}"').encode()


def number_of(body: bytes) -> int:
    """Return the number of the event whose beginning this is."""
    start = body.index(b'"id":"evt_') + 10
    return int(body[start : start + len(NUMBER)])


class Template:
    """Bytes with a number in them, once or more."""

    def __init__(self, sample: bytes) -> None:
        self._parts = sample.split(NUMBER)
        self.length = len(sample)

    def __call__(self, number: int) -> bytes:
        return (b"%08d" % number).join(self._parts)
