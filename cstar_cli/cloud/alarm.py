"""A time to look again, for who has something that isn't due yet."""

import asyncio
from collections.abc import Callable


def sooner(alarm: asyncio.TimerHandle | None, wait_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
    """Return the alarm that goes off first: the one that is set, if it is, or one that does so then."""
    loop = asyncio.get_running_loop()
    at = loop.time() + wait_s
    if alarm is not None and alarm.when() <= at:
        return alarm
    if alarm is not None:
        alarm.cancel()
    return loop.call_at(at, call)
