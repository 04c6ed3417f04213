"""One answer as it comes in, whoever parses it, and what a receiver may cost.

The brackets around parsing (limits, interim answers, when it is complete) are here, so that both readers agree.
"""

from abc import ABC, abstractmethod
from typing import Final

import msgspec

BODY_LIMIT: Final = 16 * 1024
HEAD_LIMIT: Final = 64 * 1024
INTERIM_LIMIT: Final = 16

# Everything of one answer, chunk framing and trailers included: 16 KiB in chunks of one byte fit well.
ANSWER_LIMIT: Final = 256 * 1024

_HEAD_ENDS: Final = b"\r\n\r\n"
_LONGEST_REMEMBERED: Final = 4096

NOT_HTTP: Final = "not an HTTP answer"


class BadAnswer(Exception):
    """What came is not HTTP, or goes beyond a limit; the message says which, in words for a person."""


class _Seen(msgspec.Struct, frozen=True):
    """An answer that came whole, in one piece, and left its connection to be used again."""

    head: bytes
    size: int
    status: int
    headers: list[tuple[str, str]]


class AnswerReader(ABC):
    """Reads the answers of one connection, one after the other.

    `status` is None until a final head is whole. `complete` says that nothing more will be read; `reusable` that
    the connection may then carry another request.
    """

    __slots__ = ("_head_size", "_interim", "_received", "_seen", "body", "complete", "headers", "reusable", "status")

    def __init__(self) -> None:
        self._seen: _Seen | None = None
        self.begin()

    def begin(self) -> None:
        """Get ready for the next answer."""
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.complete = False
        self.reusable = False
        self._received = 0
        self._head_size = 0
        self._interim = 0

    @property
    def started(self) -> bool:
        """Whether any byte of an answer has come."""
        return self._received > 0

    def feed(self, data: bytes) -> None:
        """Take what the receiver sent; raise BadAnswer when it is of no use."""
        seen = self._seen
        if seen is not None and len(data) == seen.size and not self._received and data.startswith(seen.head):
            # The head of the answer before, byte by byte, with as long a body: there's nothing to find out by parsing.
            self._received = seen.size
            self.status, self.headers, self.body = seen.status, seen.headers, data[len(seen.head) :]
            self.complete = self.reusable = True
            return
        is_first = not self._received
        self._received += len(data)
        self._parse(data)
        if self.complete:
            if is_first and self.reusable:
                self._remember(data)
            return
        if self.status is None and self._received > HEAD_LIMIT:
            raise BadAnswer(_HEAD_TOO_LONG)
        if self._received > ANSWER_LIMIT:
            raise BadAnswer(f"answered {self.status} with more than {ANSWER_LIMIT // 1024} KiB of framing")

    def end(self) -> None:  # noqa: B027  # only a parser that refers back to its reader has something to do
        """Let go of the parser, so that what came goes with the connection: nothing will be fed any more."""

    @abstractmethod
    def feed_eof(self) -> None:
        """Take the end of the stream, which completes a body that has no other end."""

    @abstractmethod
    def _parse(self, data: bytes) -> None: ...

    def _remember(self, data: bytes) -> None:
        head, blank, body = data.partition(_HEAD_ENDS)
        # Not one in chunks, nor with anything before or after; a long head would be memory for each connection.
        if self.status is not None and blank and body == self.body and len(head) <= _LONGEST_REMEMBERED:
            self._seen = _Seen(head + blank, len(data), self.status, self.headers)

    def _add_header(self, name: bytes, value: bytes) -> None:
        self._head_size += len(name) + len(value) + 4
        if self._head_size > HEAD_LIMIT:
            raise BadAnswer(_HEAD_TOO_LONG)
        self.headers.append((name.decode("latin-1"), value.rstrip(b" \t").decode("latin-1")))

    def _end_interim(self, status: int) -> None:
        """Drop an interim answer (1xx). A 101 is none: nobody asked for another protocol."""
        if status < 100 or status == 101:
            raise BadAnswer(NOT_HTTP)
        self._interim += 1
        if self._interim > INTERIM_LIMIT:
            raise BadAnswer(f"more than {INTERIM_LIMIT} interim answers (1xx)")
        self.headers = []

    def _add_body(self, chunk: bytes) -> None:
        self.body = self.body + chunk if self.body else chunk
        if len(self.body) > BODY_LIMIT:
            self.body = self.body[:BODY_LIMIT]
            self.complete = True
            self.reusable = False

    def _malformed(self) -> BadAnswer:
        if self.status is None:
            return BadAnswer(NOT_HTTP)
        return BadAnswer(f"answered {self.status}, and then with what is not HTTP")


_HEAD_TOO_LONG: Final = f"the answer's headers are longer than {HEAD_LIMIT // 1024} KiB"
