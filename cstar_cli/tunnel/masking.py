"""A client's websocket messages as the bytes that are sent, past the core: that makes several objects of each."""

import os
import struct

try:
    from websockets.speedups import apply_mask
except ImportError:  # no build for this platform
    from websockets.utils import apply_mask

_WHOLE_BINARY = 0x82  # the only frame of its message, and no extension's
_MASKED = 0x80
_MASK_BYTES = 4


def masked(message: bytes) -> bytes:
    """Return the frame that is all of a binary message, with a mask that nobody can foresee (RFC 6455, 5.3)."""
    length = len(message)
    if length < 126:
        head = struct.pack("!BB", _WHOLE_BINARY, _MASKED | length)
    elif length < 65536:
        head = struct.pack("!BBH", _WHOLE_BINARY, _MASKED | 126, length)
    else:
        head = struct.pack("!BBQ", _WHOLE_BINARY, _MASKED | 127, length)
    mask = os.urandom(_MASK_BYTES)
    return head + mask + apply_mask(message, mask)
