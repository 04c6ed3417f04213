"""What to change, by how a receiver fails: where the answer itself says more than the trial could."""

from typing import Final

from cstar_cli.sender.outcome import Failure, Outcome

ANSWER_FIRST: Final = (
    "Answer 2xx first and do the work afterwards, in a queue or a background job: cStar waits 10 s, and no longer."
)
REDIRECTED: Final = "Register the URL that it leads to: cStar follows no redirect, and takes it for a failure."
LIMITED: Final = "Let the webhook's path pass your rate limit: events come in bursts, and every 429 comes again later."
BROKEN: Final = "See your server's log: something there closed the connection without an answer, a crash perhaps."
GONE: Final = "See your server's log: nothing listens there any more, as after a crash or a restart."


def advice(outcome: Outcome) -> str | None:
    """Return what to change whatever was sent; None where that depends on it."""
    match outcome.failure:
        case Failure.TIMEOUT:
            return ANSWER_FIRST
        case Failure.REFUSED:
            return GONE
        case Failure.RESET | Failure.PROTOCOL:
            return BROKEN
    match outcome.status:
        case int() as status if 300 <= status < 400:
            return REDIRECTED
        case 429:
            return LIMITED
    return None


def saw_one(outcome: Outcome) -> str:
    """Say in a few words what came."""
    return f"answered {outcome.status}" if outcome.failure is None else outcome.detail
