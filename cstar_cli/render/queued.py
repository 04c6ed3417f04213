"""A stdout whose reader may be slow, or stop reading: writing never holds up the event loop.

A stalled pipe, or a terminal that was stopped with Ctrl-S, would otherwise freeze the tunnel with the output.
"""

import asyncio
import io
import os
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MOST_WAITING = 1000
FLUSH_S = 1.0


class QueuedStdout(io.RawIOBase):
    """Writes to a descriptor from a thread of its own; `room` waits while too much is queued.

    An error of the descriptor (its reader has gone, the disk is full) is raised by the next write.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._error: OSError | None = None
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._drain, name="cstar-stdout", daemon=True)
        self._thread.start()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: "ReadableBuffer") -> int:
        if self._error:
            raise self._error
        copy = bytes(data)
        self._queue.put(copy)
        if self._queue.qsize() > MOST_WAITING:
            self._has_room.clear()
        return len(copy)

    async def room(self) -> None:
        """Wait while more is queued than the reader takes."""
        await self._has_room.wait()

    def finish(self) -> None:
        """Write what is queued, unless the reader takes nothing any more."""
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
            try:
                self._loop.call_soon_threadsafe(self._has_room.set)
            except RuntimeError:
                return  # the loop has ended, and nobody waits

    def _write_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest and not self._error:
            rest = rest[os.write(self._descriptor, rest) :]
