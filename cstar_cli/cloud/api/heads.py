"""What comes before the application sees a request: heads of bounded size, refusals in the error shape, turns.

httptools keeps what it has read of a head (and of trailers) until that ends, whoever sends it and however long it is.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from cstar_cli.cloud.api.answers import ApiError, failure, invalid

MAX_HEAD_BYTES = 64 * 1024
UPGRADES_A_TURN = 1


class Upgrades:
    """Begins websockets, one each turn of the event loop.

    A crowd of listeners that comes back at once would else be one long turn, which every request waits for.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_scheduled = False

    def add(self, begin: Callable[[], None]) -> None:
        self._waiting.append(begin)
        if not self._is_scheduled:
            self._schedule()

    def _schedule(self) -> None:
        self._is_scheduled = True
        asyncio.get_running_loop().call_soon(self._begin_some)

    def _begin_some(self) -> None:
        turn = [self._waiting.popleft() for _ in range(min(UPGRADES_A_TURN, len(self._waiting)))]
        self._is_scheduled = False
        if self._waiting:
            self._schedule()
        for begin in turn:
            begin()


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, which hangs up on a head that doesn't end within 64 KiB or so."""

    upgrades: Upgrades
    _unfinished_bytes = 0  # read since a head or a part of a body was complete

    def handle_websocket_upgrade(self) -> None:
        self.transport.pause_reading()
        self.upgrades.add(self._upgrade)

    def _upgrade(self) -> None:
        if not self.transport.is_closing():
            self.begin_websocket()

    def begin_websocket(self) -> None:
        """Leave the connection to uvicorn's websocket."""
        self.transport.resume_reading()
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        self._unfinished_bytes += len(data)
        super().data_received(data)
        if self._unfinished_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(invalid("headers_too_large", "The request's headers are too large.", http_status=431))

    def on_headers_complete(self) -> None:
        self._unfinished_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 uvicorn's signature
        self._refuse(invalid("bad_request", "This is no HTTP/1.1 request that the cloud understands."))

    def _refuse(self, error: ApiError) -> None:
        answer = failure(error)
        headers = [*answer.raw_headers, (b"connection", b"close")]
        head = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[error.http_status] + head + b"\r\n" + bytes(answer.body))
        self.transport.close()
