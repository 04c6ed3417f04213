"""A server's half of RFC 6455 without I/O, for peers that are known to behave: bytes in, messages out."""

import base64
import hashlib

try:
    from websockets.speedups import apply_mask
except ImportError:  # no wheel with it for this platform
    from websockets.utils import apply_mask

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


def accept(key: bytes, subprotocol: bytes) -> bytes:
    """Return the answer that turns a request with this `Sec-WebSocket-Key` into a websocket."""
    digest = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + digest + b"\r\nSec-WebSocket-Protocol: " + subprotocol + b"\r\n\r\n"
    )


def head(opcode: int, length: int) -> bytes:
    """Return what precedes a whole message of so many bytes; a server doesn't mask."""
    first = bytes([0x80 | opcode])
    if length < 126:
        return first + bytes([length])
    if length < 1 << 16:
        return first + b"\x7e" + length.to_bytes(2, "big")
    return first + b"\x7f" + length.to_bytes(8, "big")


def masked(opcode: int, payload: bytes) -> bytes:
    """Return a client's whole message; the mask is all zeros, which leaves the payload as it is."""
    start = head(opcode, len(payload))
    return start[:1] + bytes([start[1] | 0x80]) + start[2:] + bytes(4) + payload


class Reader:
    """Cuts what the other end sends into messages; `pongs` are the answers that a client's pings want."""

    def __init__(self) -> None:
        self._rest = b""
        self._parts: list[bytes] = []
        self.pongs: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are whole now."""
        data = self._rest + data if self._rest else data
        messages: list[bytes] = []
        at = 0
        while len(data) >= at + 2:
            length, start = data[at + 1] & 0x7F, at + 2
            if length == 126:
                length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            mask = data[start : start + 4] if data[at + 1] & 0x80 else b""
            start += len(mask)
            end = start + length
            if len(data) < end:
                break
            self._take(data[at], apply_mask(data[start:end], mask) if mask else data[start:end], messages)
            at = end
        self._rest = data[at:]
        return messages

    def _take(self, first: int, payload: bytes, messages: list[bytes]) -> None:
        opcode = first & 0x0F
        if opcode == PING:
            self.pongs.append(head(PONG, len(payload)) + payload)
        elif opcode <= BINARY:
            self._parts.append(payload)
            if first & 0x80:
                messages.append(b"".join(self._parts) if len(self._parts) > 1 else payload)
                self._parts.clear()
