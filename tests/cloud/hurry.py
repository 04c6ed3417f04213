"""An event loop on which time runs many times as fast: what waits seconds waits milliseconds."""

import asyncio
import selectors
from collections.abc import Callable

TIMES = 50


class _Selector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found: list[tuple[selectors.SelectorKey, int]] = super().select(timeout and timeout / TIMES)
        return found


class _Loop(asyncio.SelectorEventLoop):
    def time(self) -> float:
        return super().time() * TIMES


def hurried_loop() -> asyncio.AbstractEventLoop:
    return _Loop(_Selector())


def hurried_clock() -> Callable[[], float]:
    """The clock of the loop that runs now."""
    return asyncio.get_running_loop().time
