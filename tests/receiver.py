"""A receiver within the test's own process: records what comes and answers as it is told."""

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol

_HELD_S = 60.0


@dataclass(frozen=True, slots=True)
class Received:
    """One request; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer; `until`, when given, must be set first."""

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    until: threading.Event | None = None


class StartReceiver(Protocol):
    """Starts a receiver on a free port, or on the one given."""

    def __call__(
        self, answer: Answer | None = None, *, port: int = 0, certificate: Path | None = None
    ) -> "Receiver": ...


class Receiver:
    """An HTTP server on 127.0.0.1; `answer` may be replaced at any time."""

    def __init__(self, answer: Answer, port: int = 0, certificate: Path | None = None) -> None:
        self.answer = answer
        self.scheme = "https" if certificate else "http"
        self.requests: list[Received] = []
        self._arrived = threading.Condition()
        self._server = _Server(("127.0.0.1", port), self)
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/webhook"

    def wait_for(self, count: int, timeout_s: float = 15.0) -> list[Received]:
        """Return all requests so far, once there are `count` or more."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.requests) >= count, timeout_s), (
                f"{len(self.requests)} of {count} requests within {timeout_s} s"
            )
            return list(self.requests)

    def take(self, request: Received) -> Answer:
        """Record the request and say what to answer; it counts as arrived before it is answered."""
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
            return self.answer

    def close(self) -> None:
        """Stop; requests being held are let go."""
        if self.answer.until:
            self.answer.until.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    # Not waited for at the end: an idle keep-alive connection has a thread that only its client can end.
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a sender that gave up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.receiver.take(Received(self.command, self.path, headers, body))
        if answer.until:
            answer.until.wait(_HELD_S)
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""
