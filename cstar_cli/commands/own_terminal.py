"""The terminal that an application shares with us: whether its keys come to both, and what it was set to before."""

import contextlib
import os
import sys
from collections.abc import Iterator

Settings = list[object]


def has_keys() -> bool:
    """Tell whether what is typed, Ctrl-C among it, comes to our process group."""
    with _opened() as terminal:
        return terminal is not None


def settings() -> Settings | None:
    """Return what the terminal is set to; None where it isn't ours."""
    with _opened() as terminal:
        if sys.platform == "win32" or terminal is None:
            return None
        import termios

        with contextlib.suppress(termios.error):
            return list(termios.tcgetattr(terminal))
        return None


def put_back(before: Settings | None) -> None:
    """Have the terminal as it was: who is ended without a word leaves it without echo, or in raw mode."""
    if before is None or settings() in (None, before):
        return
    with _opened() as terminal:
        if sys.platform == "win32" or terminal is None:
            return
        import termios

        with contextlib.suppress(termios.error):
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)  # type: ignore[arg-type]  # as it was given


@contextlib.contextmanager
def _opened() -> Iterator[int | None]:
    """Yield the terminal that we are in the foreground of, None where we aren't: changing another's would stop us."""
    if sys.platform == "win32":
        yield None
        return
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        yield None
        return
    try:
        yield terminal if _is_in_foreground(terminal) else None
    finally:
        os.close(terminal)


def _is_in_foreground(terminal: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # its window is closed
        return False
