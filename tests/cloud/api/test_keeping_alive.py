"""A connection on which nothing is asked for a while is closed; one timer watches over many requests."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from cstar_cli.cloud.api.identity import Identity
from cstar_cli.cloud.api.straight import Answer, Asked, Head, Sending
from cstar_cli.cloud.api.straight_http import StraightHttp, straight_http
from cstar_cli.events.envelope import Event

KEPT_S = 5.0


@dataclass
class FakeTimer:
    at_s: float
    ring: Callable[[], None]
    is_set: bool = True

    def cancel(self) -> None:
        self.is_set = False


@dataclass
class FakeLoop:
    """A loop of timers, whose time a test moves on."""

    now_s: float = 100.0
    timers: list[FakeTimer] = field(default_factory=list)

    def time(self) -> float:
        return self.now_s

    def call_later(self, delay_s: float, ring: Callable[[], None]) -> FakeTimer:
        self.timers.append(FakeTimer(self.now_s + delay_s, ring))
        return self.timers[-1]

    def go_on(self, seconds: float) -> None:
        self.now_s += seconds
        for timer in [timer for timer in self.timers if timer.is_set and timer.at_s <= self.now_s]:
            timer.is_set = False
            timer.ring()


class FakeTransport(asyncio.Transport):
    closed = False
    written = b""

    def get_extra_info(self, _: str, default: Any = None) -> Any:
        return default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written = bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeStraight:
    """Recognises everything, and keeps what is sent until it is told to reply."""

    sent: list[Sending] = field(default_factory=list)

    def recognised(self, data: bytes) -> tuple[Asked, bytes]:
        return Asked(Identity("team"), Head("/", "team", ""), 0.0), data

    def made(self, _: Asked, body: bytes) -> Event:
        return Event("evt_1", "ticket.created", "team", 0, body)

    def take(self, _: Asked) -> dict[str, str]:
        return {}

    def send(self, sending: Sending) -> None:
        self.sent.append(sending)

    def reply(self) -> None:
        self.sent.pop().reply(Answer(201, "req_1", b"content-length: 0\r\n", b""))


@dataclass
class Connection:
    loop: FakeLoop
    straight: FakeStraight
    transport: FakeTransport
    protocol: StraightHttp

    def ask(self) -> None:
        self.protocol.data_received(b"a whole request")

    def ask_and_reply(self) -> None:
        self.ask()
        self.straight.reply()


@pytest.fixture
def connection() -> Connection:
    async def app(scope: object, receive: object, send: object) -> None: ...

    loop, straight, transport = FakeLoop(), FakeStraight(), FakeTransport()
    kind = straight_http(straight, None)  # type: ignore[arg-type]  # as much of it as is needed
    config = Config(app, timeout_keep_alive=int(KEPT_S))
    config.load()
    protocol = kind(config, ServerState(), {}, loop)  # type: ignore[arg-type]  # as much of a loop as is needed
    protocol.connection_made(transport)
    return Connection(loop, straight, transport, protocol)


def test_it_is_closed_after_it_was_idle_for_long_enough(connection: Connection) -> None:
    connection.ask_and_reply()
    connection.loop.go_on(KEPT_S - 0.1)
    assert not connection.transport.closed
    connection.loop.go_on(0.1)
    assert connection.transport.closed


def test_each_answer_begins_that_time_anew(connection: Connection) -> None:
    for _ in range(10):
        connection.ask_and_reply()
        connection.loop.go_on(KEPT_S - 0.1)
    assert not connection.transport.closed
    connection.loop.go_on(0.1)
    assert connection.transport.closed


def test_it_stays_open_while_an_answer_takes_longer(connection: Connection) -> None:
    connection.ask_and_reply()
    connection.ask()
    connection.loop.go_on(10 * KEPT_S)
    assert not connection.transport.closed
    connection.straight.reply()
    connection.loop.go_on(KEPT_S - 0.1)
    assert not connection.transport.closed
    connection.loop.go_on(0.1)
    assert connection.transport.closed


def test_each_answer_has_the_date_of_its_second(connection: Connection) -> None:
    for second in (b"10", b"10", b"11"):
        connection.protocol.server_state.default_headers = [(b"date", second), (b"server", b"cloud")]
        connection.ask_and_reply()
        assert b"\r\ndate: %b\r\nserver: cloud\r\n" % second in connection.transport.written


def test_many_requests_take_one_timer(connection: Connection) -> None:
    for _ in range(100):
        connection.ask_and_reply()
    assert len(connection.loop.timers) == 1
