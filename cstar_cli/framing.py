"""A message of the tunnel as the one websocket frame that it is sent in (RFC 6455, 5.2).

It goes past websockets' core, which makes several objects of each message, by a dozen calls.
"""

import os
import struct

try:
    from websockets.speedups import apply_mask
except ImportError:  # no build for this platform
    from websockets.utils import apply_mask

_WHOLE_BINARY = 0x82  # the only frame of its message, and no extension's
_MASKED = 0x80
_MASK_BYTES = 4
_SHORT, _MEDIUM, _LONG = (struct.Struct(form).pack for form in ("!BB", "!BBH", "!BBQ"))


def framed(message: bytes) -> bytes:
    """Return the frame as a server sends it."""
    return _head(len(message), 0) + message


def masked(message: bytes) -> bytes:
    """Return the frame as a client sends it: with a mask that nobody can foresee (RFC 6455, 5.3)."""
    mask = os.urandom(_MASK_BYTES)
    return _head(len(message), _MASKED) + mask + apply_mask(message, mask)


def _head(length: int, mask: int) -> bytes:
    if length < 126:
        return _SHORT(_WHOLE_BINARY, mask | length)
    if length < 65_536:
        return _MEDIUM(_WHOLE_BINARY, mask | 126, length)
    return _LONG(_WHOLE_BINARY, mask | 127, length)
