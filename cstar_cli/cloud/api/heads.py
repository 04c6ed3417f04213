"""What comes before the application sees a request: heads of bounded size, and refusals in the error shape.

httptools keeps what it has read of a head (and of trailers) until that ends, whoever sends it and however long it is.
"""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from cstar_cli.cloud.api.answers import ApiError, failure, invalid

MAX_HEAD_BYTES = 64 * 1024


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, which hangs up on a head that doesn't end within 64 KiB or so."""

    _unfinished_bytes = 0  # read since a head or a part of a body was complete

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
