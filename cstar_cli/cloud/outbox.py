"""What waits to be sent to one listener, and for how long it may wait."""

from collections.abc import Callable, Iterable
from typing import Protocol

from cstar_cli.events.envelope import MAX_BODY_BYTES
from cstar_cli.protocol.frames import DEAD_AFTER_S, Delivery, Frame, encode

PUSH_BYTES = 2 * MAX_BODY_BYTES
MESSAGE_BYTES = 256 * 1024
MAX_REASON_BYTES = 123  # what a closing frame holds (RFC 6455, 5.5)


class Socket(Protocol):
    """A connected websocket. It tells its relay what comes: `received`, `writable` again, or `lost`."""

    @property
    def is_writable(self) -> bool:
        """Say whether the listener keeps up with reading."""
        ...

    def write(self, message: bytes) -> None:
        """Send the message. Raises Gone when the socket is closed."""
        ...

    def pause(self) -> None:
        """Read nothing, until `resume`."""
        ...

    def resume(self) -> None: ...


class Gone(Exception):
    """The tunnel ends here; `reason` is for the closing frame."""

    def __init__(self, reason: str, code: int = 1000) -> None:
        super().__init__(reason)
        self.reason = reason.encode(errors="replace")[:MAX_REASON_BYTES].decode(errors="ignore")
        self.code = code


class Outbox:
    """Frames on their way to a socket. Several make one message; while the listener doesn't read they wait here."""

    __slots__ = ("_clock", "_frames", "_socket", "_stuck_since")

    def __init__(self, socket: Socket, clock: Callable[[], float]) -> None:
        self._socket = socket
        self._clock = clock
        self._frames: list[Frame] = []
        self._stuck_since: float | None = None

    def send(self, frames: Iterable[Frame]) -> None:
        """Send the frames, in so many messages, as far as the listener reads. Raises Gone."""
        self._frames += frames
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the listener reads. Raises Gone."""
        while self._frames and self._socket.is_writable:
            self._stuck_since = None
            message, self._frames = _parted(self._frames)
            self._socket.write(encode(message))
        if self._frames and self._stuck_since is None:
            self._stuck_since = self._clock()

    def check(self) -> None:
        """Raise Gone if something has waited for too long."""
        if self._frames and self._stuck_since is not None and self._clock() - self._stuck_since >= DEAD_AFTER_S:
            raise Gone("the listener doesn't read", code=1008)


def _parted(frames: list[Frame]) -> tuple[list[Frame], list[Frame]]:
    """Return what makes the next message, and the rest."""
    size = 0
    for count, frame in enumerate(frames, 1):
        size += len(frame.body) if isinstance(frame, Delivery) else 0
        if size >= MESSAGE_BYTES:
            return frames[:count], frames[count:]
    return frames, []
