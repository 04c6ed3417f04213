"""What a listener has said of its deliveries, until it is stored."""

from collections.abc import Sequence

from cstar_cli.cloud.outbox import Gone
from cstar_cli.cloud.store.records import AttemptOutcome
from cstar_cli.protocol.frames import Result
from cstar_cli.protocol.relay import MAX_WINDOW

MAX_RESULTS = 4 * MAX_WINDOW  # a listener in order has a window of them, and repeats
MAX_RESULT_BYTES = 32 * 1024 * 1024


class Results:
    """Results that wait to be settled, in bounded memory."""

    __slots__ = ("_bytes", "_outcomes")

    def __init__(self) -> None:
        self._outcomes: list[AttemptOutcome] = []
        self._bytes = 0

    def add(self, result: Result) -> None:
        """Keep it. Raises Gone when there are more than can be."""
        self._outcomes.append(_outcome(result))
        self._bytes += _size(result)
        if len(self._outcomes) > MAX_RESULTS or self._bytes > MAX_RESULT_BYTES:
            raise Gone("more results than can be stored", code=1008)

    def take(self) -> Sequence[AttemptOutcome]:
        """Return all that wait, as outcomes, and keep none."""
        outcomes, self._outcomes, self._bytes = self._outcomes, [], 0
        return outcomes


def _size(result: Result) -> int:
    headers = sum(len(name) + len(value) for name, value in (*result.request_headers, *result.response_headers))
    return len(result.body) + headers


def _outcome(result: Result) -> AttemptOutcome:
    return AttemptOutcome(
        delivery_id=result.delivery_id,
        attempt=result.attempt,
        succeeded=result.succeeded,
        status=result.status,
        error=result.error,
        started_at_ms=result.started_at_ms,
        duration_ms=result.duration_ms,
        request_headers=result.request_headers,
        response_headers=result.response_headers,
        response_body=result.body,
    )
