"""Trials with events as cStar sends them: what they are, how often they come, in which order, how many and how fast."""

from collections.abc import Sequence
from typing import Final

from cstar_cli.conformance.judging import either, taken
from cstar_cli.conformance.making import Made, Maker, with_header
from cstar_cli.conformance.trial import Request, Trial, Waves
from cstar_cli.events.fixtures import random_uuid

FIRST: Final = "valid"
UNKNOWN_TYPE: Final = "check.unknown_type"
AT_ONCE: Final = 50
COPIES: Final = 10
SPREAD_S: Final = 1.0

_TYPE: Final = "ticket.created"
_A_WAVE: Final = 5
_IDS: Final = "Keep the delivery ids that you have seen (a unique index), and answer 2xx to one that comes again."


def _valid(maker: Maker) -> Waves:
    return [[maker.request(maker.event(_TYPE))]]


def _types(maker: Maker) -> Waves:
    requests = [maker.request(maker.event(each), each) for each in maker.types]
    return [requests[at : at + _A_WAVE] for at in range(0, len(requests), _A_WAVE)]


def _twice(maker: Maker) -> Waves:
    made = maker.event(_TYPE)
    return [[maker.request(made, "the first")], [maker.request(made, "the second")]]


def _copies(maker: Maker) -> Waves:
    request = maker.request(maker.event(_TYPE))
    return [[request] * COPIES]


def _out_of_order(maker: Maker) -> Waves:
    ticket = random_uuid()
    return [[maker.request(each, each.type)] for each in _backwards(maker, ticket)]


def _backwards(maker: Maker, ticket: str) -> Sequence[Made]:
    return [maker.event(each, {"id": ticket}) for each in ("ticket.closed", "ticket.updated", "ticket.created")]


def _unknown_type(maker: Maker) -> Waves:
    return [[maker.request(maker.event_of(UNKNOWN_TYPE, {"id": random_uuid()}))]]


def _content_type(maker: Maker) -> Waves:
    given = {each: maker.event(_TYPE) for each in ("text/plain", "application/x-www-form-urlencoded")}
    return [
        [Request(with_header(maker.headers(made), "content-type", each), made.body, each)]
        for each, made in given.items()
    ]


def _slowly(maker: Maker) -> Waves:
    return [[maker.request(maker.event(_TYPE), spread_s=SPREAD_S)]]


def _many(maker: Maker) -> Waves:
    return [[maker.request(maker.event(_TYPE)) for _ in range(AT_ONCE)]]


VALID: Final = Trial(
    FIRST,
    "an ordinary ticket.created, rightly signed",
    "2xx",
    "Until this is taken nothing is: the other trials are made only then.",
    "See what your server's log says of it. cstar verify --explain tells why a signature doesn't verify.",
    _valid,
    taken,
)
EVENTS: Final = (
    Trial(
        "types",
        "an event of each type that there is",
        "2xx to each",
        "A webhook gets every type that it subscribes to: one that the handler fails on is retried and then lost.",
        "Handle the named types, or answer 2xx to what you don't handle. cstar trigger TYPE sends one.",
        _types,
        taken,
    ),
    Trial(
        "unknown-type",
        f"a type that doesn't exist yet, {UNKNOWN_TYPE}",
        "2xx",
        "New types appear. What isn't answered 2xx counts as failed, is retried, and disables the webhook in the end.",
        "Give your switch over the type a default that does nothing, and answer 2xx.",
        _unknown_type,
        taken,
    ),
    Trial(
        "duplicate",
        "the same delivery twice, one after the other",
        "2xx both times",
        "Deliveries come at least once. To refuse the second, 409 perhaps, has it retried again and again.",
        _IDS,
        _twice,
        taken,
    ),
    Trial(
        "duplicates-at-once",
        f"the same delivery {COPIES} times at once",
        f"2xx to all {COPIES}",
        "A retry may come while you still work on the first: look up and insert, and both see nothing there.",
        f"{_IDS} Insert and let the index decide (ON CONFLICT DO NOTHING); don't look first.",
        _copies,
        taken,
    ),
    Trial(
        "out-of-order",
        "a ticket's ticket.closed, then ticket.updated, then ticket.created",
        "2xx to each",
        "A retry comes after what happened since. A handler that needs the created first fails on all that follow.",
        "Make what is missing from the event's own data, and let created_at decide which event is newer.",
        _out_of_order,
        taken,
    ),
)
TRANSPORT: Final = (
    Trial(
        "content-type",
        "a right event as text/plain, and as a form",
        "2xx or 4xx",
        "Where a parser chooses by the content type, another one leaves no body, and the handler falls over that.",
        "Take the raw body whatever its type, or answer 415 to what isn't application/json.",
        _content_type,
        either,
    ),
    Trial(
        "slow",
        f"an event whose body takes {SPREAD_S:g} s to come",
        "2xx",
        "Networks stall. A server that reads what is there, and not until Content-Length, sees half a body.",
        "Read the body to its end before you verify, and raise timeouts for reading it that are near a second.",
        _slowly,
        taken,
    ),
    Trial(
        "at-once",
        f"{AT_ONCE} events at once",
        f"2xx to all {AT_ONCE}, within 10 s",
        "A bulk change fires as many events. What isn't answered in time is retried, on top of those that follow.",
        "Do the work in a queue, and see to the limits of connections, workers and the database's pool.",
        _many,
        taken,
    ),
)
