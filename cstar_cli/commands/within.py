"""Work that may hang on what answers late or never, held to a time, whatever it hangs on."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")

# Windows tells a thread that waits for another nothing of a Ctrl-C.
LOOK_S = 0.2


class OutOfTime(Exception):
    """The time is over, and the work isn't."""


def within(limit_s: float, work: Callable[[], Iterable[Item]]) -> Iterator[Item]:
    """Yield what the work yields, as it does; raise OutOfTime once that takes longer than `limit_s` all in all.

    A name that isn't resolved or a disk that doesn't answer can't be interrupted: the work is done in a thread that is
    left behind then, and that doesn't keep the process from ending. What it raises is raised here.
    """
    import queue
    import threading

    items: queue.SimpleQueue[tuple[Item] | BaseException | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            for item in work():
                items.put((item,))
        except BaseException as error:  # whatever it is, the caller's thread is where it belongs
            items.put(error)
        else:
            items.put(None)

    deadline = time.monotonic() + limit_s
    threading.Thread(target=run, daemon=True).start()
    while True:
        left_s = deadline - time.monotonic()
        try:
            item = items.get(timeout=max(0.0, min(LOOK_S, left_s)))
        except queue.Empty:
            if left_s <= 0:
                raise OutOfTime from None
            continue
        if item is None:
            return
        if isinstance(item, BaseException):
            raise item
        yield item[0]


@contextmanager
def told_of_silence(after_s: float, tell: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """Call `tell`, in another thread, once nothing has come for so long; call what is yielded when something comes."""
    import threading

    timer = threading.Timer(after_s, tell)
    timer.daemon = True
    timer.start()
    try:
        yield timer.cancel
    finally:
        timer.cancel()
