"""When a failed delivery is tried again."""

import math
import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

from cstar_cli.cloud.options import DeliveryPolicy
from cstar_cli.cloud.store.records import Headers

JITTER = 0.05
MOST_ASKED_S = 30 * 60.0
"""The longest that a receiver can have a wait made, chance included; only the schedule itself may wait longer."""

_SECONDS = re.compile("[0-9]{1,9}")
_BUSY = frozenset({429, 503})


def retry_in_ms(
    retries: int | None,
    policy: DeliveryPolicy,
    status: int | None,
    headers: Headers,
    now_ms: int,
    random: Callable[[], float],
) -> int | None:
    """Return the wait before the next attempt, counted from the end of the failed one; None when there is none left.

    `retries` are those used up already, None where there is to be none. `status` and `headers` are the receiver's
    answer, whose Retry-After can lengthen the wait. `random` answers a float in [0, 1): what it adds keeps deliveries
    that failed together from coming back together.
    """
    if retries is None or retries >= len(policy.retries_s):
        return None
    scheduled_s = policy.retries_s[retries]
    asked_s = _asked_s(headers, now_ms) if status in _BUSY else 0.0
    later = 1 + JITTER * random()
    return math.ceil(max(scheduled_s * later, min(asked_s * later, MOST_ASKED_S)) * 1000)


def longest_wait_ms(policy: DeliveryPolicy) -> int:
    """Return how long a delivery can have to wait for its next attempt at most."""
    return math.ceil(max((MOST_ASKED_S, *(wait_s * (1 + JITTER) for wait_s in policy.retries_s))) * 1000)


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
