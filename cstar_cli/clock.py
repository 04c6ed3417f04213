"""The wall clock, and one that nobody can set."""

import time
from collections.abc import Callable
from functools import partial

# time.monotonic leaves the machine's sleep out on Linux and macOS; these two clocks, of Linux and macOS in turn, don't.
_COUNTING_SLEEP = ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC")


def now_ms() -> int:
    """Return the milliseconds since the epoch; for durations use a monotonic clock."""
    return time.time_ns() // 1_000_000


def elapsed_ns() -> int:
    """Return the nanoseconds since a moment of the past, the machine's sleep included where the system counts it."""
    for name in _COUNTING_SLEEP:
        if hasattr(time, name):
            return time.clock_gettime_ns(getattr(time, name))
    return time.monotonic_ns()


def elapsed_clock() -> Callable[[], float]:
    """Return the same clock in seconds, for those who read it often."""
    for name in _COUNTING_SLEEP:
        if hasattr(time, name):
            return partial(time.clock_gettime, getattr(time, name))
    return time.monotonic


def steady_ms(wall_ms: Callable[[], int] = now_ms, elapsed_ns: Callable[[], int] = elapsed_ns) -> Callable[[], int]:
    """Return a clock that starts with the wall clock's time and goes on evenly, whatever the wall clock is set to.

    What is due by it comes neither early nor late when the wall clock is moved, and a machine that wakes up finds due
    what came due while it slept.
    """
    started_ms, started_ns = wall_ms(), elapsed_ns()
    return lambda: started_ms + (elapsed_ns() - started_ns) // 1_000_000
