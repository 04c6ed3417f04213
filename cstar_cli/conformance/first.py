"""Why a receiver doesn't take an ordinary event: the likeliest cause, before anything else is tried."""

from cstar_cli.conformance.trial import Answered
from cstar_cli.suspicions.answers import Answer, Sent, likeliest_cause

_LOG = "See your server's log: its handler failed on an ordinary event."
_BY_STATUS = {
    404: "Nothing takes events at this path: give the whole URL, like 3000/webhook.",
    405: "That path takes no POST: give the URL of the webhook's handler, like 3000/webhook.",
    413: "Raise the body limit: not even an event of a kilobyte is let in.",
    415: "Take the content type application/json: cStar sends no other.",
}


def likeliest(answered: Answered, sent: Sent) -> str | None:
    """Return what to change; None where nothing tells more than that it failed."""
    outcome = answered.outcome
    if outcome.failure is not None or outcome.status is None:
        return None
    cause = likeliest_cause(Answer(outcome.status, outcome.headers, outcome.body), sent)
    if cause is not None:
        return f"{cause.line[0].upper()}{cause.line[1:]}."
    if 300 <= outcome.status < 400:
        where = next((value for name, value in outcome.headers if name.lower() == "location"), None)
        return f"Give the URL that it leads to{f', {where}' if where else ''}: cStar follows no redirect."
    return _LOG if outcome.status >= 500 else _BY_STATUS.get(outcome.status)
