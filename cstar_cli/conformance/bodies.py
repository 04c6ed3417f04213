"""Trials with bodies at the edge of what an event may be."""

from typing import Final

from cstar_cli.conformance.judging import taken, taken_or_warned
from cstar_cli.conformance.making import Maker
from cstar_cli.conformance.trial import Trial, Waves
from cstar_cli.events.canonical import Json
from cstar_cli.events.envelope import MAX_BODY_BYTES

LEVELS: Final = 100

_TYPE: Final = "ticket.created"
_TEXT: Final = 'Zoë wrote “naïve” in 東京 👩‍👩‍👧 😀, e\u0301, \u2028, שלום, <b>&amp;</b>, \\ and "/"\n\tand more'
_NUMBERS: Final[list[Json]] = [
    *(0, -1, 2**53 - 1, -(2**53 - 1), 2**53),
    *(1e21, 1.5e300, 5e-324, 1e-7, 0.1, 0.30000000000000004, 1.7976931348623157e308),
]
_RAW: Final = "Verify over the raw body, the bytes as they came: docs/signatures.md says how in each framework."


def _large(maker: Maker) -> Waves:
    room = MAX_BODY_BYTES - len(maker.event(_TYPE, {"description": ""}).body)
    return [[maker.request(maker.event(_TYPE, {"description": "x" * room}))]]


def _non_ascii(maker: Maker) -> Waves:
    return [[maker.request(maker.event(_TYPE, {"title": _TEXT, "description": _TEXT}))]]


def _numbers(maker: Maker) -> Waves:
    return [[maker.request(maker.event(_TYPE, {"custom_fields": {"numbers": _NUMBERS}}))]]


def _nested(maker: Maker) -> Waves:
    around = maker.event(_TYPE, {"custom_fields": None}).body
    nested: Json = None
    for _ in range(LEVELS - _depth(around)):
        nested = [nested]
    return [[maker.request(maker.event(_TYPE, {"custom_fields": nested}))]]


def _depth(body: bytes) -> int:
    """Return the levels around what stands for the first null that custom_fields has."""
    before = body[: body.index(b'"custom_fields"')]
    return sum(before.count(each) for each in (b"{", b"[")) - sum(before.count(each) for each in (b"}", b"]"))


BODIES: Final = (
    Trial(
        "large",
        "an event of 1 MiB, as large as one may be",
        "2xx",
        "A long message or many attachments make large events. Refused, they come again and again, and are lost.",
        "Raise the body limit to 2 MiB: express.raw({ limit: '2mb' }) has 100 kB by itself, nginx's"
        " client_max_body_size 1 MiB.",
        _large,
        taken,
    ),
    Trial(
        "non-ascii",
        "text beyond ASCII: accents, 漢字, emoji, what JSON escapes",
        "2xx",
        "Customers write in all languages. Verified over JSON that was parsed and written again, their events fail.",
        _RAW,
        _non_ascii,
        taken,
    ),
    Trial(
        "numbers",
        "numbers at the edge: 2⁵³, 1e+21, 5e-324",
        "2xx",
        "Parsed and written again, a number reads 1e21 or loses its last digits, and the signature fits no more.",
        f"{_RAW} Keep integers in 64 bits.",
        _numbers,
        taken,
    ),
    Trial(
        "nested",
        f"JSON that is {LEVELS} levels deep",
        "2xx; 4xx is a warning",
        "Parsers have limits: 64 levels in .NET, 100 in Ruby. One that throws must not take the handler with it.",
        "Answer 400 where the body can't be parsed, or raise the parser's limit (MaxDepth, max_nesting).",
        _nested,
        taken_or_warned,
    ),
)
