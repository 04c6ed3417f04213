"""An output whose reader may be slow, or stop reading: writing never holds up the event loop.

A stalled pipe, or a terminal that was stopped with Ctrl-S, would otherwise freeze the tunnel with the output.
"""

import asyncio
import contextlib
import io
import os
import select
import threading
from collections.abc import Awaitable, Callable, Sequence
from queue import SimpleQueue
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

from cstar_cli.render.output import fault_of_output

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MOST_WAITING = 1000
FLUSH_S = 1.0
PAUSE_S = 0.005


class QueuedOutput(io.BufferedIOBase):
    """Writes to a descriptor from a thread of its own; `room` waits while too much is queued.

    What is written goes to the thread at the end of the loop's turn, or, when it got something just before, `PAUSE_S`
    later: waking it costs more than a line does.

    An error of the descriptor (its reader has gone, the disk is full) is raised by the next write, and told to whoever
    asked for it by `when_broken`. The end waits `flush_s` for a reader that takes nothing.
    """

    def __init__(self, descriptor: int, flush_s: float = FLUSH_S) -> None:
        self._descriptor = descriptor
        self._is_terminal = os.isatty(descriptor)  # once: each line asks
        self._flush_s = flush_s
        self._queue: SimpleQueue[Sequence[bytes] | None] = SimpleQueue()
        self._pending: list[bytes] = []
        self._handed_at = -PAUSE_S
        self._written = 0
        self._taken = 0  # of the written; only the thread counts here
        self._error: OSError | None = None
        self._tell: Callable[[OSError], None] | None = None
        self._unlimited = False
        self._finished = False
        self._room: asyncio.Event | None = None  # while too much is queued: what is awaited then
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._drain, name="cstar-output", daemon=True)
        self._thread.start()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, data: "ReadableBuffer") -> int:
        copy = bytes(data)
        if self._finished:
            return len(copy)  # what a buffer above us still held when the interpreter swept it up
        if self._error:
            raise self._error
        if not self._pending:
            just_before = self._loop.time() - self._handed_at < PAUSE_S
            self._loop.call_later(PAUSE_S if just_before else 0, self._hand_over)
        self._pending.append(copy)
        self._written += 1
        if self._written - self._taken > MOST_WAITING and self._room is None and not self._unlimited:
            self._room = asyncio.Event()
        return len(copy)

    def when_broken(self, tell: Callable[[OSError], None]) -> None:
        """Call `tell` in the event loop once nothing can be written any more, even if nobody writes."""
        self._tell = tell
        self._tell_if_broken()

    @property
    def error(self) -> OSError | None:
        """What went wrong, if anything has."""
        return self._error

    @property
    def unwritten(self) -> bool:
        """Whether something of it has not been written."""
        return self._error is not None or self._taken < self._written

    def room(self) -> Awaitable[object] | None:
        """Return None, or, while more is queued than the reader takes, what to wait for."""
        return None if self._room is None else self._room.wait()

    def make_room(self) -> None:
        """Let everyone through from now on: what is still to come is little, and the end doesn't wait for a reader."""
        self._unlimited = True
        self._let_through()

    def text(self, like: TextIO) -> TextIO:
        """Return a text stream over this, that encodes as `like` does."""
        return io.TextIOWrapper(cast(BinaryIO, self), encoding=like.encoding, errors=like.errors, write_through=True)

    def finish(self) -> None:
        """Write what is queued, unless the reader takes nothing any more."""
        if self._finished:
            return
        self._finished = True
        self._hand_over()
        self._queue.put(None)
        self._thread.join(self._flush_s)

    def _hand_over(self) -> None:
        if self._pending:
            self._queue.put(self._pending)
            self._pending = []
            self._handed_at = self._loop.time()

    def _drain(self) -> None:
        over = False
        while not over:
            handed = [self._queue.get()]
            while not self._queue.empty():
                handed.append(self._queue.get())
            over = None in handed
            parts = [part for pending in handed if pending is not None for part in pending]
            try:
                self._write_all(b"".join(parts))
            except OSError as error:
                self._error = fault_of_output(error)
            self._taken += len(parts)
            # Room is taken away before the last of it is handed over, so here it is seen that somebody may wait.
            if self._error or self._room is not None:
                with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
                    self._loop.call_soon_threadsafe(self._wake)

    def _let_through(self) -> None:
        room, self._room = self._room, None
        if room is not None:
            room.set()

    def _wake(self) -> None:
        self._let_through()
        self._tell_if_broken()

    def _tell_if_broken(self) -> None:
        if self._error and self._tell:
            self._tell(self._error)
            self._tell = None

    def _write_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest and not self._error:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # whoever shares the descriptor made it non-blocking
                select.select((), (self._descriptor,), ())
