"""Where a server's websocket frames begin and end, so that whole messages need no parser."""

from collections.abc import Iterator

_WHOLE_BINARY = 0x82  # the only frame of its message, and no extension's
_MASKED = 0x80
_LENGTH_BYTES = {126: 2, 127: 8}  # where the second byte isn't the length itself


class Cutter:
    """Cuts what comes into frames; keeps nothing of one that is incomplete but less than its head."""

    def __init__(self) -> None:
        self._missing = 0  # of a frame that has begun
        self._head = b""  # too short to say how long the frame is

    def cut(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        """Yield frames, or what is there of them, one by one.

        Beside a frame that is a whole binary message stands how long its head is, beside all others 0.
        """
        data, self._head = self._head + data, b""
        at = min(self._missing, len(data))
        self._missing -= at
        if at:
            yield data[:at], 0
        while at < len(data):
            head_bytes, frame_bytes = _lengths(data[at : at + 10])
            end = at + frame_bytes
            if at + head_bytes > len(data):
                self._head = data[at:]
                return
            whole = end <= len(data) and data[at] == _WHOLE_BINARY and data[at + 1] < _MASKED
            self._missing = max(0, end - len(data))
            yield data[at:end], head_bytes if whole else 0
            at = end


def _lengths(start: bytes) -> tuple[int, int]:
    """Return how long a frame's head is, and the frame, which is known once all of the head is there."""
    if len(start) < 2:
        return 2, 2
    length = start[1] & ~_MASKED
    head_bytes = 2 + _LENGTH_BYTES.get(length, 0)
    return head_bytes, head_bytes + (length if head_bytes == 2 else int.from_bytes(start[2:head_bytes], "big"))
