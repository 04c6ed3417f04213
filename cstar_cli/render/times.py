"""Times and durations as people read them."""

import math
from collections.abc import Callable
from functools import lru_cache
from time import struct_time

from cstar_cli.render.output import Look

_ROUND_MINUTES = ((5, "5m"), (10, "10m"), (30, "30m"), (60, "1h"), (120, "2h"), (360, "6h"), (720, "12h"))

_HOUR_S = 3600
_DAY_S = 24 * _HOUR_S


def clock(time_ms: int, look: Look) -> str:
    """Return the local time; of another day than today, the day and the minute."""
    return _clock(time_ms // 1000, int(look.now_s()), look.local)


@lru_cache(maxsize=16)  # many lines are of one second, and a calendar is slow
def _clock(time_s: int, now_s: int, local: Callable[[float], struct_time]) -> str:
    then, today = local(time_s), local(now_s)
    if then[:3] == today[:3]:
        return f"{then.tm_hour:02}:{then.tm_min:02}:{then.tm_sec:02}"
    return f"{then.tm_mon:02}-{then.tm_mday:02} {then.tm_hour:02}:{then.tm_min:02}"


def span(oldest_ms: int | None, newest_ms: int | None, look: Look) -> str:
    """Return when something came, as the end of a sentence: nothing where that isn't known."""
    if oldest_ms is None or newest_ms is None:
        return ""
    first, last = clock(oldest_ms, look), clock(newest_ms, look)
    return f", at {first}" if first == last else f", from {first} to {last}"


def since_text(oldest_ms: int, look: Look) -> str:
    """Return what --since takes to reach back to then, with time enough to type it: `5m`, `2h`, `3d`."""
    minutes = math.ceil((look.now_s() * 1000 - oldest_ms) / 60_000) + 1
    for most, text in _ROUND_MINUTES:
        if minutes <= most:
            return text
    return f"{math.ceil(minutes / 1440)}d"


def clock_of(time: str, look: Look) -> str:
    """Return the local time of an ISO 8601 one."""
    from cstar_cli.events.envelope import parse_iso  # late: `listen` and `trigger` have no such times

    return clock(parse_iso(time), look)


def duration_text(duration_ms: float) -> str:
    """Return the duration in the unit that suits it."""
    if duration_ms < 10:
        return f"{duration_ms:.1f} ms"
    return f"{duration_ms:.0f} ms" if duration_ms < 999.5 else f"{duration_ms / 1000:.2f} s"


def wait_text(wait_ms: int) -> str:
    """Return a time to wait for: `3 days`, `2.5 h`, `30 min`, `5 s`, `100 ms`."""
    if wait_ms < 1000:
        return f"{wait_ms} ms"
    seconds = wait_ms / 1000
    if seconds >= 2 * _DAY_S:
        return f"{round(seconds / _DAY_S):,} days"
    if seconds >= 2 * _HOUR_S:
        return f"{seconds / _HOUR_S:.3g} h"
    return f"{seconds / 60:.3g} min" if seconds >= 60 else f"{seconds:.3g} s"
