"""Why an application refuses what is forwarded to it: each cause is told once."""

from collections.abc import Callable

from cstar_cli.events.wires import NAMES, wire
from cstar_cli.protocol.frames import Headers, Result
from cstar_cli.suspicions.answers import Answer, OtherSecrets, Sent, likeliest_cause

MOST_LOOKED_AT = 8  # an application that refuses all is told by then, and a look isn't for nothing


class Refusals:
    """What one application has refused so far."""

    def __init__(self, other_secrets: Callable[[], OtherSecrets]) -> None:
        self._other_secrets = other_secrets
        self._told: set[str] = set()
        self._looked_at = 0

    def hint(self, result: Result, body: bytes, secret: str) -> str | None:
        """Return the likeliest cause of a refusal, unless it was told."""
        if result.status is None or self._looked_at >= MOST_LOOKED_AT:
            return None
        self._looked_at += 1
        sent = Sent(body, _signature(result.request_headers), secret, self._other_secrets)
        cause = likeliest_cause(Answer(result.status, result.response_headers, result.body), sent)
        if cause is None or cause.name in self._told:
            return None
        self._told.add(cause.name)
        return cause.line


def _signature(headers: Headers) -> str:
    names = {wire(name).signature_header.lower() for name in NAMES}
    return next((value for name, value in headers if name.lower() in names), "")
