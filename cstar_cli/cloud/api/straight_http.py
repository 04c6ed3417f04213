"""uvicorn's HTTP/1.1 with a straight way for plain requests, which become no ASGI application's.

A request is held until its body is complete, for as long as it may still go straight; if it turns out not to be plain,
uvicorn gets it then, head and body. A pipelined one goes the ordinary way, behind the one under way. One that comes
whole, with a head that is remembered, isn't even parsed.
"""

import asyncio
from functools import partial

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from cstar_cli.cloud.api.handshake import Handshakes
from cstar_cli.cloud.api.heads import BoundedHttp, Upgrades
from cstar_cli.cloud.api.straight import Answer, Asked, Sending, Straight


def straight_http(straight: Straight, handshakes: Handshakes) -> type["StraightHttp"]:
    """Return the protocol of one server."""

    class OfOneServer(StraightHttp):
        upgrades = Upgrades()

    OfOneServer.straight = straight
    OfOneServer.handshakes = handshakes
    return OfOneServer


class _Exchange:
    """A request under way, as uvicorn's protocol sees one."""

    message_event = asyncio.Event()  # set where uvicorn wakes an application; nobody waits here
    disconnected = False
    keep_alive = True
    response_complete = False


class StraightHttp(BoundedHttp):
    """Bounded, and straight for what is plain."""

    straight: Straight
    handshakes: Handshakes
    said_always: tuple[object, bytes] = (None, b"")  # of all connections of a server
    _asked: Asked | None = None
    _is_idle = True  # the parser, between two requests
    _whole = b""  # what is being read, if a request begins with it
    _idle_since_s = 0.0  # by the loop's clock
    _exchange: _Exchange
    _body: list[bytes]

    def data_received(self, data: bytes) -> None:
        if self._is_idle and self._is_free() and self._goes_unparsed(data):
            return
        self._whole = data if self._is_idle else b""
        super().data_received(data)
        self._whole = b""

    def on_message_begin(self) -> None:
        self._is_idle = False
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        asked = None
        if self._is_free() and self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive():
            asked = self.straight.asked(self.parser.get_method(), self.url, self.headers)
        if asked is None:
            return self._tell_uvicorn()
        self._unfinished_bytes = 0
        self._asked = asked
        self._body = []
        self.cycle = self._exchange = _Exchange()  # type: ignore[assignment]  # what of a cycle is asked for

    def on_body(self, body: bytes) -> None:
        if self._asked is None:
            return super().on_body(body)
        self._unfinished_bytes = 0
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._is_idle = True
        if self._asked is None:
            return super().on_message_complete()
        self._unfinished_bytes = 0
        asked, self._asked = self._asked, None
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self.straight.remember(asked, self._whole, body)
        if not self._goes(asked, body, self._exchange):
            self._go_the_ordinary_way(body)

    def begin_websocket(self) -> None:
        is_short = self._is_free() and self.handshakes.begin(self, self._always(), super().begin_websocket)
        if not is_short:
            super().begin_websocket()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._asked:
            self.straight.given_up(self._asked)
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it has been idle since the timer was set; one timer lasts for many requests."""
        left_s = self._idle_since_s + self.timeout_keep_alive - self.loop.time()
        if not self._is_answered():
            self.timeout_keep_alive_task = None
        elif left_s > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left_s, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _is_free(self) -> bool:
        """Say whether nothing is under way, and answers are read."""
        return self._is_answered() and not self.flow.write_paused

    def _goes_unparsed(self, data: bytes) -> bool:
        known, exchange = self.straight.recognised(data), _Exchange()
        if known is None or not self._goes(*known, exchange):
            return False
        self.cycle = exchange  # type: ignore[assignment]  # what of a cycle is asked for
        return True

    def _goes(self, asked: Asked, body: bytes, exchange: _Exchange) -> bool:
        """Send the event, if it and the key's limit let it go straight; say whether they do."""
        event = self.straight.made(asked, body)
        limit = self.straight.take(asked) if event else None
        if event is None or limit is None:
            return False
        self.straight.send(Sending(asked, event, limit, partial(self._reply, exchange)))
        return True

    def _go_the_ordinary_way(self, body: bytes) -> None:
        held = self._exchange
        self.cycle = None  # type: ignore[assignment]  # as uvicorn has it in the beginning
        self._tell_uvicorn()
        self.cycle.keep_alive = self.cycle.keep_alive and held.keep_alive
        if body:
            super().on_body(body)
        super().on_message_complete()

    def _tell_uvicorn(self) -> None:
        """Give it the head, which it gets from its beginning."""
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()

    def _reply(self, exchange: _Exchange, answer: Answer) -> None:
        exchange.response_complete = True
        # Only the last request of a pipeline hears that the connection is lost.
        if exchange.disconnected or self.transport.is_closing():
            return
        always = self._always()
        end = b"\r\n" if exchange.keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(b"".join((STATUS_LINE[answer.status], always, answer.head, end, answer.body)))
        if not exchange.keep_alive:
            self.transport.close()
        if self.pipeline or not exchange.keep_alive or self.timeout_keep_alive_task is None:
            return self.on_response_complete()
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._idle_since_s = self.loop.time()

    def _always(self) -> bytes:
        """Return uvicorn's own headers, which it makes anew every second."""
        made_of, always = self.said_always
        headers = self.server_state.default_headers
        if made_of is not headers:
            always = b"".join([name + b": " + value + b"\r\n" for name, value in headers])
            type(self).said_always = headers, always
        return always
