"""When a failed delivery is tried again."""

import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

from cstar_cli.clock import now_ms
from cstar_cli.cloud.options import DeliveryPolicy
from cstar_cli.cloud.store.records import AttemptOutcome, Headers
from cstar_cli.events.wires import LONGEST_RETRIES_S, wire

JITTER = 0.05
MOST_ASKED_S = 30 * 60.0
"""The longest that a receiver can have a wait made, chance included; only the schedule itself may wait longer."""

_SECONDS = re.compile("[0-9]{1,9}")
_BUSY = frozenset({429, 503})


def schedule_s(policy: DeliveryPolicy, version: str) -> Sequence[float]:
    """Return the waits before each retry at an endpoint that wants this wire version."""
    return wire(version).retries_s if policy.retries_s is None else policy.retries_s


def retry_in_ms(
    retries: int | None,
    schedule: Sequence[float],
    status: int | None,
    headers: Headers,
    now_ms: int,
    random: Callable[[], float],
) -> int | None:
    """Return the wait before the next attempt, counted from the end of the failed one; None when there is none left.

    `retries` are those of the `schedule` that are used up already, None where there is to be none. `status` and
    `headers` are the receiver's answer, whose Retry-After can lengthen the wait. `random` answers a float in [0, 1):
    what it adds keeps deliveries that failed together from coming back together.
    """
    if retries is None or retries >= len(schedule):
        return None
    scheduled_s = schedule[retries]
    asked_s = _asked_s(headers, now_ms) if status in _BUSY else 0.0
    later = 1 + JITTER * random()
    return math.ceil(max(scheduled_s * later, min(asked_s * later, MOST_ASKED_S)) * 1000)


class SessionRetries:
    """The same for the deliveries to a session: as a webhook's, all of it so many times faster as the session's speed.

    That includes what the receiver asks for by Retry-After: what comes in what order is what comes in production.
    """

    def __init__(
        self,
        policy: DeliveryPolicy,
        now_ms: Callable[[], int] = now_ms,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._policy = policy
        self._now_ms = now_ms
        self._random = random

    def waits_ms(self, outcome: AttemptOutcome, speed: float, version: str) -> Sequence[int]:
        """Return the wait that would follow this failure before each of the retries."""
        schedule = schedule_s(self._policy, version)
        waits_ms = [
            retry_in_ms(retries, schedule, outcome.status, outcome.response_headers, self._now_ms(), self._random)
            for retries in range(len(schedule))
        ]
        return [math.ceil(wait_ms / speed) for wait_ms in waits_ms if wait_ms is not None]

    def scheduled_ms(self, speed: float, version: str) -> tuple[int, ...]:
        """Return the waits by the schedule alone."""
        return tuple(round(wait_s * 1000 / speed) for wait_s in schedule_s(self._policy, version))


def longest_waits_ms(policy: DeliveryPolicy) -> Mapping[str | None, int]:
    """Return how long a delivery can have to wait for its next attempt at most, by wire version; None is any."""
    if policy.retries_s is not None:
        return {None: _longest_ms(policy.retries_s)}
    return {version: _longest_ms((longest_s,)) for version, longest_s in LONGEST_RETRIES_S.items()}


def _longest_ms(schedule: Sequence[float]) -> int:
    return math.ceil(max((MOST_ASKED_S, *(wait_s * (1 + JITTER) for wait_s in schedule))) * 1000)


def _asked_s(headers: Headers, now_ms: int) -> float:
    """Read Retry-After: seconds, or a date (RFC 9110, 10.2.3); 0 for nonsense or nothing."""
    text = next((value for name, value in headers if name.lower() == "retry-after"), "")
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now_ms / 1000
    except (ValueError, TypeError, OverflowError):
        return 0.0
