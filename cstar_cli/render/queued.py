"""An output whose reader may be slow, or stop reading: writing never holds up the event loop.

A stalled pipe, or a terminal that was stopped with Ctrl-S, would otherwise freeze the tunnel with the output.
"""

import asyncio
import contextlib
import io
import os
import select
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MOST_WAITING = 1000
FLUSH_S = 1.0


class QueuedOutput(io.RawIOBase):
    """Writes to a descriptor from a thread of its own; `room` waits while too much is queued.

    An error of the descriptor (its reader has gone, the disk is full) is raised by the next write, and told to whoever
    asked for it by `when_broken`.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._error: OSError | None = None
        self._tell: Callable[[OSError], None] | None = None
        self._unlimited = False
        self._finished = False
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._drain, name="cstar-output", daemon=True)
        self._thread.start()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: "ReadableBuffer") -> int:
        copy = bytes(data)
        if self._finished:
            return len(copy)  # what a buffer above us still held when the interpreter swept it up
        if self._error:
            raise self._error
        self._queue.put(copy)
        if self._queue.qsize() > MOST_WAITING and not self._unlimited:
            self._has_room.clear()
        return len(copy)

    def when_broken(self, tell: Callable[[OSError], None]) -> None:
        """Call `tell` in the event loop once nothing can be written any more, even if nobody writes."""
        self._tell = tell
        self._tell_if_broken()

    async def room(self) -> None:
        """Wait while more is queued than the reader takes."""
        await self._has_room.wait()

    def make_room(self) -> None:
        """Let everyone through from now on: what is still to come is little, and the end doesn't wait for a reader."""
        self._unlimited = True
        self._has_room.set()

    def text(self, like: TextIO) -> TextIO:
        """Return a text stream over this, that encodes as `like` does."""
        return io.TextIOWrapper(io.BufferedWriter(self), encoding=like.encoding, errors=like.errors)

    def finish(self) -> None:
        """Write what is queued, unless the reader takes nothing any more."""
        if self._finished:
            return
        self._finished = True
        self._queue.put(None)
        self._thread.join(FLUSH_S)

    def _drain(self) -> None:
        over = False
        while not over:
            parts = [self._queue.get()]
            while not self._queue.empty():
                parts.append(self._queue.get())
            over = None in parts
            try:
                self._write_all(b"".join(part for part in parts if part is not None))
            except OSError as error:
                self._error = error
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._has_room.set()
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
