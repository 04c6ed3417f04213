"""Why an application refuses what is forwarded to it: each cause is told once."""

from cstar_cli.protocol.frames import Result
from cstar_cli.suspicions.answers import Answer, likeliest_cause

MOST_LOOKED_AT = 8  # an application that refuses all is told by then, and a look isn't for nothing


class Refusals:
    """What one application has refused so far."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._looked_at = 0

    def hint(self, result: Result, body: bytes, secret: str) -> str | None:
        """Return the likeliest cause of a refusal, unless it was told."""
        if result.status is None or self._looked_at >= MOST_LOOKED_AT:
            return None
        self._looked_at += 1
        cause = likeliest_cause(Answer(result.status, result.response_headers, result.body), body, secret)
        if cause is None or cause.name in self._told:
            return None
        self._told.add(cause.name)
        return cause.line
