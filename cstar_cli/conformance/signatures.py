"""Trials with signatures that must be refused, and with times where the version signs them."""

from collections.abc import Callable, Sequence
from typing import Final

from cstar_cli.conformance.judging import refused, taken
from cstar_cli.conformance.making import Maker
from cstar_cli.conformance.trial import Answered, Request, Status, Trial, Verdict, Waves

WINDOW_S: Final = 300
OLD_S: Final = 2 * WINDOW_S
SKEW_S: Final = 60

_TYPE: Final = "ticket.created"
_TITLE: Final = "Is this title signed?"
_OPEN: Final = "Whoever knows the URL can send events to you, and your application believes them."
_CRYPTO: Final = "Compute the HMAC over the raw body and compare in constant time; answer 401 where they differ."


def _missing(maker: Maker) -> Waves:
    given = {"no header": None, "an empty header": ""}
    return [[maker.signed_otherwise(maker.event(_TYPE), value, label)] for label, value in given.items()]


def _wrong(maker: Maker) -> Waves:
    made = maker.event(_TYPE)
    return [[maker.signed_otherwise(made, maker.signature(made, secret=f"{maker.secret}-another"))]]


def _garbage(maker: Maker) -> Waves:
    digits = _digest_changed(maker.signature(maker.event(_TYPE)), lambda digest: "z" * len(digest))
    given = {"letters that are no hex": digits, "text beyond ASCII": "é" * 32, "2 KiB": "0" * 2048}
    return [[maker.signed_otherwise(maker.event(_TYPE), value, label)] for label, value in given.items()]


def _upper_case(maker: Maker) -> Waves:
    made = maker.event(_TYPE)
    return [[maker.signed_otherwise(made, _digest_changed(maker.signature(made), str.upper))]]


def _truncated(maker: Maker) -> Waves:
    cuts: dict[str, Callable[[str], str]] = {
        "its first half": lambda digest: digest[: len(digest) // 2],
        "all but its last character": lambda digest: digest[:-1],
    }
    events = {label: maker.event(_TYPE) for label in cuts}
    return [
        [maker.signed_otherwise(made, _digest_changed(maker.signature(made), cuts[label]), label)]
        for label, made in events.items()
    ]


def _changed_body(maker: Maker) -> Waves:
    made = maker.event(_TYPE, {"title": _TITLE})
    return [[Request(maker.headers(made), made.body.replace(b"Is this", b"is this", 1))]]


def _old(maker: Maker) -> Waves:
    return [[maker.request_of(maker.event(_TYPE), -OLD_S)]]


def _skewed(maker: Maker) -> Waves:
    return [
        [maker.request_of(maker.event(_TYPE), -SKEW_S, "a minute behind")],
        [maker.request_of(maker.event(_TYPE), SKEW_S, "a minute ahead")],
    ]


def _other_time(maker: Maker) -> Waves:
    made = maker.event(_TYPE)
    time, _ = maker.signature(made).split(",")
    _, digest = maker.signature(made, at_s=maker.now_s - OLD_S).split(",")
    return [[maker.signed_otherwise(made, f"{time},{digest}")]]


def _either_case(answers: Sequence[Answered]) -> Verdict:
    """Pass where it was refused, and where it was taken: it proves as much, and cStar never sends it."""
    verdict = refused(answers)
    if any(each.outcome.succeeded for each in answers):
        return Verdict(Status.PASSED, f"{verdict.saw}: harmless, cStar sends lower case")
    return verdict


def _digest_changed(signature: str, change: Callable[[str], str]) -> str:
    before, equals, digest = signature.rpartition("=")
    return before + equals + change(digest)


SIGNATURES: Final = (
    Trial(
        "signature-missing",
        "an event without its signature, and with an empty one",
        "4xx",
        _OPEN,
        "Answer 401 where the signature's header is missing or empty; never skip the check, not in development either.",
        _missing,
        refused,
    ),
    Trial(
        "signature-wrong",
        "an event signed with another secret",
        "4xx",
        _OPEN,
        _CRYPTO,
        _wrong,
        refused,
    ),
    Trial(
        "signature-garbage",
        "what is no signature: letters that are no hex, text beyond ASCII, 2 KiB",
        "4xx",
        _OPEN,
        _CRYPTO,
        _garbage,
        refused,
    ),
    Trial(
        "signature-truncated",
        "the right signature's first half, and all but its last character",
        "4xx",
        "Where a part is enough it can be guessed, character by character.",
        "Compare the whole signature: not startsWith, not as many characters as were sent.",
        _truncated,
        refused,
    ),
    Trial(
        "signature-upper-case",
        "the right signature in upper-case hex",
        "4xx, or 2xx",
        "It proves as much as the right one, so either answer is safe; an error is not.",
        "Compare with lower-case hex as text, or decode both.",
        _upper_case,
        _either_case,
    ),
    Trial(
        "body-changed",
        "the right signature, and a body with one byte changed",
        "4xx",
        "Who can change an event on its way could have you do anything in cStar's name.",
        "Verify over the whole raw body, not over parts of it, ids or headers.",
        _changed_body,
        refused,
    ),
)
TIMES: Final = (
    Trial(
        "time-old",
        f"a right signature of {OLD_S // 60} minutes ago",
        "4xx",
        "Who has seen a request once, in a log perhaps, could send it again for ever.",
        f"Refuse where t differs from your clock by more than {WINDOW_S} s.",
        _old,
        refused,
    ),
    Trial(
        "time-skewed",
        "right signatures of a minute ago, and of a minute ahead",
        "2xx to both",
        "Clocks differ, and a delivery may take its time: what is refused for that is lost, and nobody did wrong.",
        f"Allow {WINDOW_S} s either way, and keep your clock right (NTP).",
        _skewed,
        taken,
    ),
    Trial(
        "time-changed",
        "an old signature under the time of now",
        "4xx",
        "Where the time isn't part of what is verified, the window against replays holds nobody up.",
        "Compute the HMAC over t, a dot and the raw body.",
        _other_time,
        refused,
    ),
)
