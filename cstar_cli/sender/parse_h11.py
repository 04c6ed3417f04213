"""Answers read by h11, in plain Python, where httptools has no build."""

import h11

from cstar_cli.sender.answer import ANSWER_LIMIT, AnswerReader, BadAnswer

_START = b"HTTP/"


class H11Reader(AnswerReader):
    """Reads answers through h11's events; its sending half is fed a request of no meaning, to be in step."""

    __slots__ = ("_connection",)

    def begin(self) -> None:
        super().begin()
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=ANSWER_LIMIT)
        self._connection.send(h11.Request(method="POST", target="/", headers=[("Host", "-")]))
        self._connection.send(h11.EndOfMessage())

    def feed_eof(self) -> None:
        if self.complete:
            return
        try:
            self._parse(b"")
        except BadAnswer:
            # It would say that the stream ended too soon, which the connection knows by itself.
            return

    def _parse(self, data: bytes) -> None:
        try:
            self._connection.receive_data(data)
            self._refuse_garbage()
            while not self.complete and self._take(self._connection.next_event()):
                pass
        except h11.RemoteProtocolError as exc:
            raise self._malformed() from exc

    def _refuse_garbage(self) -> None:
        # h11 waits for a whole line before it looks at one.
        if self.status is None and self._interim == 0:
            begun = self._connection.trailing_data[0][: len(_START)]
            if not _START.startswith(begun):
                raise self._malformed()

    def _take(self, event: h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]) -> bool:
        match event:
            case h11.InformationalResponse():
                self._end_interim(event.status_code)
            case h11.Response():
                for name, value in event.headers.raw_items():
                    self._add_header(name, value)
                self.status = event.status_code
            case h11.Data():
                self._add_body(bytes(event.data))
            case h11.EndOfMessage():
                self.complete = True
                surplus, closed = self._connection.trailing_data
                self.reusable = self._connection.their_state is h11.DONE and not surplus and not closed
            case _:
                return False
        return True
