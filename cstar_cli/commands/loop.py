"""Runs a command's coroutine: the fastest event loop at hand, signals, and one error out of a group."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import TypeVar

T = TypeVar("T")
OBJECTS_A_COLLECTION = 10_000


def run_async(main: Coroutine[object, object, T]) -> T:
    """Run to the end; what a task group raises comes out as the one error that it is about."""
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            _collect_garbage()
            return runner.run(main)
    except BaseExceptionGroup as group:
        raise _first(group) from group


def on_stop_signals(stop: Callable[[int], object]) -> None:
    """Call `stop` with the signal at each Ctrl-C, and when the system or the terminal asks us to end.

    A closed terminal asks nothing of what `nohup` has started.
    """
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is None or (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):  # under nohup
            continue
        with contextlib.suppress(ValueError):  # not in the main thread: whoever runs us there has the signals
            if sys.platform == "win32":
                signal.signal(number, lambda number, _: loop.call_soon_threadsafe(stop, number))
            else:
                loop.add_signal_handler(number, stop, number)


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Look for no garbage while much is loaded, which makes next to none; nor, later, through what is loaded."""
    before = len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > before:  # else what is garbage just now would stay for nothing
            gc.freeze()
        gc.enable()


def _collect_garbage() -> None:
    """Look for garbage from here on, as loading made next to none; what is loaded by now isn't looked through."""
    gc.freeze()
    gc.set_threshold(OBJECTS_A_COLLECTION)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
