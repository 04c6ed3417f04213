"""The wall clock."""

import time


def now_ms() -> int:
    """Return the milliseconds since the epoch; for durations use a monotonic clock."""
    return time.time_ns() // 1_000_000
