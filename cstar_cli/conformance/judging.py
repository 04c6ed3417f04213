"""Outcomes → a verdict. A judge says what answers pass; the trial's own words say why, unless the failing says more."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from cstar_cli.conformance.advice import GONE, LIMITED, advice, saw_one
from cstar_cli.conformance.trial import Answered, Status, Verdict
from cstar_cli.sender.outcome import Failure, Outcome

SLOW_S: Final = 5.0
SLOW_WHY: Final = "cStar waits 10 s and then tries again: under load, or on a slow day, these are failures."
SLOW_CHANGE: Final = "Answer 2xx first and do the work afterwards, in a queue or a background job."
CRASHED_WHY: Final = (
    "What anyone can send must not make the handler fail: errors hide real ones, and fill logs and alarms."
)
CRASHED_CHANGE: Final = (
    "Check that the signature is there and as long as the right one before you compare: timingSafeEqual and the like"
    " throw otherwise. Then answer 401."
)
UNSURE_WHY: Final = "Your rate limit answered before your handler could, so nothing is known of that."
SENT_AWAY_WHY: Final = "It was not taken, but cStar can't tell a redirect from a receiver that moved."

_MOST_NAMED = 3


def taken(answers: Sequence[Answered]) -> Verdict:
    """Pass where each was answered 2xx."""
    bad = [each for each in answers if not each.outcome.succeeded]
    if not bad:
        return _in_time(answers)
    return Verdict(Status.FAILED, told(answers, bad), None, advice(bad[0].outcome), bad)


def refused(answers: Sequence[Answered]) -> Verdict:
    """Pass where each was answered 4xx."""
    if through := [each for each in answers if _is(each.outcome, 2)]:
        return Verdict(Status.FAILED, _with_labels("accepted", answers, through), blamed=through)
    if crashed := [each for each in answers if each.outcome.failure is not None or _is(each.outcome, 5)]:
        return _crashed(answers, crashed)
    if limited := [each for each in answers if each.outcome.status == 429]:
        return Verdict(Status.WARNING, told(answers, limited), UNSURE_WHY, LIMITED, limited)
    if others := [each for each in answers if not _is(each.outcome, 4)]:
        return Verdict(Status.WARNING, told(answers, others), SENT_AWAY_WHY, "Answer 401.", others)
    return Verdict(Status.PASSED, told(answers))


def either(answers: Sequence[Answered]) -> Verdict:
    """Pass where each was taken or refused, but not failed over."""
    if crashed := [each for each in answers if each.outcome.failure is not None or _is(each.outcome, 5)]:
        return Verdict(Status.FAILED, told(answers, crashed), None, _unless_crashed(crashed[0].outcome), crashed)
    return Verdict(Status.PASSED, told(answers))


def taken_or_warned(answers: Sequence[Answered]) -> Verdict:
    """Pass like `taken`; a clean refusal, 4xx, is a warning."""
    verdict = taken(answers)
    bad = [each.outcome for each in answers if not each.outcome.succeeded]
    if bad and all(_is(outcome, 4) and outcome.status != 429 for outcome in bad):
        return msgspec.structs.replace(verdict, status=Status.WARNING)
    return verdict


def told(answers: Sequence[Answered], bad: Sequence[Answered] = ()) -> str:
    """Say what came: of several the worst first, with what it was that had it."""
    if len(answers) == 1:
        return saw_one(answers[0].outcome)
    if not bad:
        counts = Counter(saw_one(each.outcome) for each in answers)
        if len(counts) == 1:
            return f"{'both' if len(answers) == 2 else f'all {len(answers)}'} {next(iter(counts))}"
        return ", ".join(f"{count} {words}" for words, count in counts.most_common())
    [(words, _), *others] = Counter(saw_one(each.outcome) for each in bad).most_common()
    alike = [each for each in bad if saw_one(each.outcome) == words]
    return _with_labels(words, answers, alike) + (f"; {len(bad) - len(alike)} failed otherwise" if others else "")


def unreached(outcome: Outcome) -> bool:
    """Say whether there was not even a connection, of a post that had to make one."""
    return outcome.status is None and outcome.connect_ms is None and outcome.first_byte_ms is None


def is_gone(outcome: Outcome) -> bool:
    """Say whether nothing listens there any more."""
    return outcome.failure is Failure.REFUSED


def _crashed(answers: Sequence[Answered], crashed: Sequence[Answered]) -> Verdict:
    if any(is_gone(each.outcome) for each in crashed):
        change = GONE
    elif all(each.outcome.failure is Failure.TIMEOUT for each in crashed):
        change = "Answer 401 at once, before anything else is done."
    else:
        change = CRASHED_CHANGE
    return Verdict(Status.FAILED, told(answers, crashed), CRASHED_WHY, change, crashed)


def _unless_crashed(outcome: Outcome) -> str | None:
    return GONE if is_gone(outcome) else None


def _in_time(answers: Sequence[Answered]) -> Verdict:
    slowest_s = max(each.outcome.duration_ms / 1000 - each.request.spread_s for each in answers)
    if slowest_s >= SLOW_S:
        return Verdict(Status.WARNING, f"{told(answers)}, after {slowest_s:.1f} s", SLOW_WHY, SLOW_CHANGE)
    return Verdict(Status.PASSED, told(answers))


def _with_labels(words: str, answers: Sequence[Answered], alike: Sequence[Answered]) -> str:
    if len(answers) == 1:
        return f"{words} ({alike[0].outcome.status})" if words == "accepted" else words
    labels = [label for label in dict.fromkeys(each.request.label for each in alike) if label]
    named = ", ".join(labels[:_MOST_NAMED]) + (f" and {len(labels) - _MOST_NAMED} more" if labels[_MOST_NAMED:] else "")
    return f"{len(alike)} of {len(answers)} {words}" + (f": {named}" if named else "")


def _is(outcome: Outcome, hundreds: int) -> bool:
    return outcome.failure is None and outcome.status is not None and outcome.status // 100 == hundreds
