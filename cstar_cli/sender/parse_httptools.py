"""Answers read by httptools (llhttp, in C)."""

from httptools import HttpParserError, HttpResponseParser

from cstar_cli.sender.answer import AnswerReader, BadAnswer


class _Enough(Exception):
    """Stops the parser: the rest of what it was fed is of no interest."""


class HttptoolsReader(AnswerReader):
    """Reads answers through llhttp's callbacks, which are the methods named on_*."""

    __slots__ = ("_bad", "_parser")

    def __init__(self) -> None:
        super().__init__()
        self._bad: str | None = None
        self._parser = HttpResponseParser(self)
        # A receiver made of a shell line and netcat ends its lines with LF alone; h11 and browsers take that.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)

    def end(self) -> None:
        # It holds us as we hold it: only the garbage collector would part us, and floods come faster than that runs.
        del self._parser

    def feed_eof(self) -> None:
        # The parser isn't told of the end of a stream: whether a body may end there is in the headers.
        self.complete = self.complete or (self.status is not None and not self._has_length())

    def _has_length(self) -> bool:
        for name, value in self.headers:
            match name.lower():
                case "content-length":
                    return True
                case "transfer-encoding" if value.lower().rstrip().endswith("chunked"):
                    return True
        return False

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserError as exc:
            self.reusable = False
            if self._bad is not None:
                raise BadAnswer(self._bad) from None
            if not self.complete:
                raise self._malformed() from exc

    def on_message_begin(self) -> None:
        if self.complete:
            raise _Enough

    def on_header(self, name: bytes, value: bytes) -> None:
        try:
            self._add_header(name, value)
        except BadAnswer as bad:
            self._bad = str(bad)
            raise

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            try:
                self._end_interim(status)
            except BadAnswer as bad:
                self._bad = str(bad)
                raise
            return
        self.status = status
        self.reusable = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self._add_body(body)
        if self.complete:
            raise _Enough

    def on_message_complete(self) -> None:
        self.complete = self.status is not None
