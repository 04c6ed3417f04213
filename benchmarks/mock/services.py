"""What each tool believes its service to be: what is asked before the stream, and how the stream is spoken.

Written from what the tools send and accept on the wire; `benchmarks/README.md` tells it in words.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.mock import websocket
from benchmarks.mock.events import NUMBER, Template
from cstar_cli.protocol.frames import SUBPROTOCOL, Delivery, Hello, Settled, Welcome, decode, encode


@dataclass(frozen=True, slots=True)
class Request:
    """What a tool asked over HTTP, on its way to the stream."""

    method: str
    path: str
    websocket_key: bytes | None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a tool said over the stream: how many events it is through with, and what to answer at once."""

    done: int = 0
    answer: bytes = b""
    ready: bool = False
    window: int | None = None


class Service(ABC):
    """One connection's worth of a mock service, for events with this body."""

    acknowledges = True
    ready_at_once = True

    def __init__(self, body: bytes, base: str) -> None:
        self.body = body
        self.base = base

    @abstractmethod
    def answer(self, request: Request) -> bytes | None:
        """Return the HTTP answer; None when `request` opens the stream."""

    @abstractmethod
    def open(self, request: Request) -> bytes:
        """Return what begins the stream."""

    @abstractmethod
    def encode(self, numbers: Sequence[int]) -> bytes:
        """Return the bytes that carry these events."""

    @abstractmethod
    def hear(self, data: bytes) -> Heard:
        """Take what the tool sent over the stream."""


def json_answer(value: object) -> bytes:
    """Return an HTTP answer with this JSON."""
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class WebsocketService(Service):
    """A stream in a websocket; events are `template`, one a message, and `mark` is in each message that ends one."""

    subprotocol: bytes
    mark: bytes
    template: Template

    def __init__(self, body: bytes, base: str) -> None:
        super().__init__(body, base)
        self._reader = websocket.Reader()

    def open(self, request: Request) -> bytes:
        self._reader = websocket.Reader()
        return websocket.accept(request.websocket_key or b"", self.subprotocol)

    def encode(self, numbers: Sequence[int]) -> bytes:
        return b"".join(map(self.template, numbers))

    def hear(self, data: bytes) -> Heard:
        messages = self._reader.feed(data)
        pongs, self._reader.pongs = b"".join(self._reader.pongs), []
        return Heard(sum(self.mark in message for message in messages), pongs)

    def _one_a_message(self, value: object) -> Template:
        payload = json.dumps(value, separators=(",", ":")).encode()
        return Template(websocket.head(websocket.TEXT, len(payload)) + payload)


class Cstar(WebsocketService):
    """Our own tunnel, `docs/tunnel.md`. It keeps to the window that the listener asks for, as the cloud does."""

    subprotocol = SUBPROTOCOL.encode()
    ready_at_once = False
    _delivery_id = re.compile(rb'"delivery_id":"([^"]+)"')

    def __init__(self, body: bytes, base: str) -> None:
        super().__init__(body, base)
        number = NUMBER.decode()
        frame = encode([Delivery(f"dlv_{number}", f"evt_{number}", "ticket.created", 1, body=body)])
        self.template = Template(frame)
        self._most_a_message = max(1, 2**20 // len(frame))

    def answer(self, request: Request) -> bytes | None:
        return None if request.websocket_key else json_answer({})

    def encode(self, numbers: Sequence[int]) -> bytes:
        if len(numbers) > self._most_a_message:
            half = len(numbers) // 2
            return self.encode(numbers[:half]) + self.encode(numbers[half:])
        return websocket.head(websocket.BINARY, self.template.length * len(numbers)) + super().encode(numbers)

    def hear(self, data: bytes) -> Heard:
        said = b"".join(self._reader.feed(data))
        if said.startswith(b'{"type":"hello"'):
            [hello] = (frame for frame in decode(said) if isinstance(frame, Hello))
            welcome = encode([Welcome("ses_1", resumed=hello.session_id is not None, waiting=0)])
            return Heard(answer=_binary(welcome), ready=True, window=hello.window)
        done = self._delivery_id.findall(said)
        settled = _binary(encode([Settled(tuple(map(bytes.decode, done)))])) if done else b""
        return Heard(len(done), settled)


def _binary(message: bytes) -> bytes:
    return websocket.head(websocket.BINARY, len(message)) + message


class Stripe(WebsocketService):
    subprotocol = b"stripecli-devproxy-v1"
    mark = b'"webhook_response"'

    def __init__(self, body: bytes, base: str) -> None:
        super().__init__(body, base)
        number = NUMBER.decode()
        self.template = self._one_a_message(
            {
                "type": "webhook_event",
                "endpoint": {"api_version": None},
                "event_payload": body.decode(),
                "http_headers": {"Stripe-Signature": "t=1,v1=0"},
                "webhook_conversation_id": f"wc_{number}",
                "webhook_id": f"wh_{number}",
            }
        )

    def answer(self, request: Request) -> bytes | None:
        if request.websocket_key:
            return None
        session = {
            "reconnect_delay": 3600,
            "secret": "whsec_mock",
            "websocket_authorized_feature": "webhooks",
            "websocket_id": "cliws_1",
            "websocket_url": f"ws{self.base.removeprefix('http')}/subscribe/acct_1",
            "default_version": "2025-01-01",
            "latest_version": "2025-01-01",
            "device_token": "",
            "display_connect_filter_warning": False,
        }
        return json_answer(session if request.path.startswith("/v1/stripecli/sessions") else {"object": "mock"})


class Hookdeck(WebsocketService):
    subprotocol = b"hookdeckcli-devproxy-v1"
    mark = b'"attempt_response"'

    def __init__(self, body: bytes, base: str) -> None:
        super().__init__(body, base)
        number = NUMBER.decode()
        request = {"method": "POST", "timeout": 30000, "data_string": body.decode(), "headers": _JSON}
        ids = {"event_id": f"evt_{number}", "attempt_id": f"atm_{number}", "webhook_id": "web_1"}
        attempt = {"cli_path": "/hook", **ids, "request": request}
        self.template = self._one_a_message({"event": "attempt", "body": attempt})

    def answer(self, request: Request) -> bytes | None:
        if request.websocket_key:
            return None
        source = {"id": "src_1", "name": "perf", "url": "http://127.0.0.1/perf", "type": "WEBHOOK"}
        destination = {"id": "des_1", "name": "cli-perf", "type": "CLI", "config": {"path": "/hook"}}
        connection = {"id": "web_1", "name": "perf", "full_name": "perf -> cli-perf"}
        if "/cli-sessions" in request.path:
            return json_answer({"id": "ses_1"})
        if "/sources" in request.path:
            return json_answer(_page(source))
        if "/connections" in request.path:
            return json_answer(_page({**connection, "source": source, "destination": destination}))
        return json_answer({})


_JSON = {"content-type": "application/json"}


def _page(model: object) -> object:
    return {"models": [model], "pagination": {"order_by": "created_at", "dir": "desc", "limit": 255}, "count": 1}


class Smee(Service):
    """Server-sent events; nothing goes back up, so that an event is over when the receiver has it."""

    acknowledges = False

    def __init__(self, body: bytes, base: str) -> None:
        super().__init__(body, base)
        host = base.removeprefix("http://")
        event = {"host": host, **_JSON, "body": json.loads(body), "query": {}, "timestamp": 1765377000123}
        data = json.dumps(event, separators=(",", ":")).encode()
        self._template = Template(b"id: " + NUMBER + b"\ndata: " + data + b"\n\n")

    def answer(self, request: Request) -> bytes | None:
        return None if request.path == "/ch" else json_answer({})

    def open(self, _: Request) -> bytes:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\r\n"
        return head + b"event: ready\ndata: {}\n\n"

    def encode(self, numbers: Sequence[int]) -> bytes:
        return b"".join(map(self._template, numbers))

    def hear(self, _: bytes) -> Heard:
        return Heard()


class Bare(Service):
    """Nothing but lengths and bodies, for the relay in C that marks the limit; a byte comes back for each."""

    def __init__(self, body: bytes, base: str) -> None:
        super().__init__(body, base)
        self._template = Template(len(body).to_bytes(4, "little") + body)

    def answer(self, _: Request) -> bytes | None:
        return None

    def open(self, _: Request) -> bytes:
        return b""

    def encode(self, numbers: Sequence[int]) -> bytes:
        return b"".join(map(self._template, numbers))

    def hear(self, data: bytes) -> Heard:
        return Heard(len(data))
