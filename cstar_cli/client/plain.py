"""Requests over plain HTTP/1.1, on a socket of our own.

Loading httpx takes as long as all the rest of a command, and the standard library's client half of that.
"""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

from cstar_cli.client.wire import CONNECT_TIMEOUT_S, KEEP_ALIVE_S, Cut, NoConnection, NoHttp, Request, Silent
from cstar_cli.errors import UsageError

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_LINE_ENDS = (b"\r\n", b"\n")
_MOST_OF_A_LINE = 64 * 1024
_MOST_HEADERS = 256
_MOST_INTERIM = 16
_PIECE = 64 * 1024
# What stands in a request line as it is; "%" so that what is encoded already stays so.
_TARGET_SAFE = "!$%&'()*+,/:;=?@-._~[]"


class PlainWire:
    """One connection to one cloud, kept from a request to the next."""

    def __init__(self, api_base: str, token: str, monotonic: Callable[[], float]) -> None:
        if not (token.isascii() and token.isprintable()):
            raise UsageError("The key holds stray characters: copy it again, whole and without line breaks.")
        parts = urlsplit(api_base)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._head = f"Host: {parts.netloc}\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\n"
        self._monotonic = monotonic
        self._kept: _Connection | None = None
        self._kept_until = 0.0

    @contextmanager
    def open(self, request: Request) -> "Iterator[PlainReply]":
        connection = self._connection(request.silence_s)
        whole = False
        try:
            connection.send(self._bytes(request))
            reply = connection.receive()
            yield reply
            whole = reply.whole
        finally:
            if whole:
                self._kept, self._kept_until = connection, self._monotonic() + KEEP_ALIVE_S
            else:
                connection.close()

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()

    def _connection(self, silence_s: float) -> "_Connection":
        kept, self._kept = self._kept, None
        if kept is not None:
            if self._monotonic() < self._kept_until and kept.is_idle():
                kept.socket.settimeout(silence_s)
                return kept
            kept.close()
        try:
            # A host that is text is taken to the IDNA codec with all its tables.
            address: Any = (self._host.encode("ascii"), self._port)
            made = socket.create_connection(address, min(CONNECT_TIMEOUT_S, silence_s))
        except OSError as error:
            raise NoConnection(str(error)) from error
        made.settimeout(silence_s)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Connection(made)

    def _bytes(self, request: Request) -> bytes:
        target = quote(request.url.removeprefix(self._origin), safe=_TARGET_SAFE)
        own = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        length = "" if request.content is None else f"Content-Length: {len(request.content)}\r\n"
        head = f"{request.method} {target} HTTP/1.1\r\n{self._head}{own}{length}\r\n"
        return head.encode("ascii") + (request.content or b"")


class _Connection:
    """A socket, and what was read from it ahead."""

    def __init__(self, socket: socket.socket) -> None:
        self.socket = socket
        self._file = socket.makefile("rb")

    def is_idle(self) -> bool:
        """Tell whether the cloud has left it open, and said nothing unasked."""
        try:
            self.socket.setblocking(False)
            if not self._file.peek(1):
                self.socket.recv(1, socket.MSG_PEEK)  # fails, unless it is at its end
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except TimeoutError as error:
            raise _silent(self.socket) from error
        except OSError:
            pass  # who refuses what is too long may answer before it has come, and hang up: there may be an answer

    def receive(self) -> "PlainReply":
        """Read the head of the answer, after the interim ones (1xx)."""
        for _ in range(_MOST_INTERIM + 1):
            match = _STATUS_LINE.fullmatch(self.line())
            if match is None:
                raise NoHttp
            headers = self.headers()
            if (status := int(match[2])) >= 200:
                return PlainReply(self, status, headers, may_keep=match[1] == b"1")
        raise NoHttp

    def headers(self) -> dict[str, bytes]:
        """Read headers, or trailers, and the empty line behind them."""
        headers: dict[str, bytes] = {}
        for _ in range(_MOST_HEADERS):
            line = self.line()
            if line in _LINE_ENDS:
                return headers
            written, colon, text = line.partition(b":")
            name, value = written.decode("latin-1").lower(), text.strip()
            if not colon or (name == "content-length" and headers.get(name, value) != value):
                break
            headers[name] = value
        raise NoHttp

    def line(self) -> bytes:
        """Return the next line, with its end."""
        line = self._read(self._file.readline, _MOST_OF_A_LINE)
        if line.endswith(b"\n"):
            return line
        raise NoHttp if len(line) >= _MOST_OF_A_LINE else Cut("it hung up")

    def some(self, most: int) -> bytes:
        """Return what has come, at most so much; nothing at the end."""
        return self._read(self._file.read1, min(most, _PIECE))

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def _read(self, read: Callable[[int], bytes], most: int) -> bytes:
        try:
            return read(most)
        except TimeoutError as error:
            raise _silent(self.socket) from error
        except OSError as error:
            raise Cut(error.strerror or str(error)) from error


class PlainReply:
    """An answer on a connection; once it is `whole` the connection can carry another request."""

    def __init__(self, connection: _Connection, status: int, headers: dict[str, bytes], *, may_keep: bool) -> None:
        self.status = status
        self.whole = False
        self._connection = connection
        self._headers = headers
        self._may_keep = may_keep and self.header("connection").lower() != "close"

    def header(self, name: str) -> str:
        return self._headers.get(name, b"").decode("latin-1")

    def chunks(self) -> Iterator[bytes]:
        length = self._headers.get("content-length")
        if self.status in (204, 304):
            pass
        elif "transfer-encoding" in self._headers:
            yield from self._chunked()
        elif length is None:
            while piece := self._connection.some(_PIECE):
                yield piece
            return
        elif _LENGTH.fullmatch(length):
            yield from self._exactly(int(length))
        else:
            raise NoHttp
        self.whole = self._may_keep

    def _chunked(self) -> Iterator[bytes]:
        while size := self._chunk_size():
            yield from self._exactly(size)
            if self._connection.line() not in _LINE_ENDS:
                raise NoHttp
        self._connection.headers()  # trailers, which say nothing to us

    def _chunk_size(self) -> int:
        match = _CHUNK_LINE.fullmatch(self._connection.line())
        if match is None:
            raise NoHttp
        return int(match[1], 16)

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self._connection.some(size)
            if not piece:
                raise Cut("it hung up")
            size -= len(piece)
            yield piece


def _silent(socket: socket.socket) -> Silent:
    return Silent(f"nothing came for {socket.gettimeout():g} s")
