"""`dial` against real servers: which of them is a cloud, and which failures are worth another try."""

import asyncio
import functools
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from cstar_cli.errors import NotAllowed
from cstar_cli.protocol.frames import MAX_MESSAGE_BYTES, SUBPROTOCOL, Bye, Frame, Heartbeat, Welcome, encode
from cstar_cli.tunnel.connection import DIAL_S, CloudAddress, Connection, Unreachable, dial

from .virtual_time import virtually

T = TypeVar("T")
Talk = Callable[[ServerConnection], Awaitable[None]]
CERTIFICATE = Path(__file__).parents[1] / "sender" / "receiver.pem"
FOREIGN = "Something that is not a cStar cloud answers at "


def address_of(base: str) -> CloudAddress:
    return CloudAddress(base, "team-1", "sk_test_1")


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


async def failure(base: str) -> Exception:
    """Return why dialling the address fails."""
    with pytest.raises((Unreachable, NotAllowed)) as failed:
        async with dial(address_of(base)):
            pass
    return failed.value


class Answering:
    """A server that answers every request with the same bytes and keeps what it was asked; None: nothing at all."""

    def __init__(self, answer: bytes | None) -> None:
        self.requests: list[bytes] = []
        self._answer = answer
        self._over = asyncio.Event()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            self._over.set()
            server.close()
            await server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append(await reader.readuntil(b"\r\n\r\n"))
        if self._answer is None:
            await self._over.wait()
        else:
            writer.write(self._answer)
        writer.close()


async def failure_after(answer: bytes | None) -> Exception:
    async with Answering(answer).serve() as base:
        return await failure(base)


def status(line: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {line}", *headers, "Content-Length: 0", "", ""]).encode()


@asynccontextmanager
async def cloud(
    talk: Talk, subprotocol: str | None = SUBPROTOCOL, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """A websocket server that speaks the subprotocol, or none."""
    offered = [Subprotocol(subprotocol)] if subprotocol else None
    async with serve(talk, "127.0.0.1", 0, subprotocols=offered, ssl=tls) as server:
        yield f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def until_closed(websocket: ServerConnection) -> None:
    await websocket.wait_closed()


async def first_of(read: Callable[[Callable[[T], Awaitable[object] | None]], Awaitable[object]]) -> T:
    """Return what comes next, and take no more."""
    taken: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def take(item: T) -> Awaitable[object]:
        taken.set_result(item)
        return asyncio.Event().wait()

    reading = asyncio.ensure_future(read(take))
    both: set[asyncio.Future[Any]] = {reading, taken}
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    if taken.done():
        reading.cancel()
        await asyncio.wait({reading})
        return taken.result()
    raise reading.exception() or AssertionError("it ended")


async def next_frames(connection: Connection) -> Sequence[Frame]:
    return await first_of(connection.read)


async def waited(wait: Awaitable[None] | None) -> None:
    if wait is not None:
        await wait


@in_a_loop
async def test_frames_go_both_ways() -> None:
    async def echo(websocket: ServerConnection) -> None:
        await websocket.send(await websocket.recv())

    async with cloud(echo) as base, dial(address_of(base)) as connection:
        assert connection.send(encode([Heartbeat(), Bye()])) is None
        assert list(await next_frames(connection)) == [Heartbeat(), Bye()]


@in_a_loop
async def test_the_token_and_the_subprotocol_are_shown_to_the_teams_tunnel() -> None:
    server = Answering(status("503 Service Unavailable"))
    async with server.serve() as base:
        await failure(base)
    [request] = server.requests
    assert request.startswith(b"GET /api/v1/teams/team-1/tunnel HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer sk_test_1\r\n" in request
    assert f"\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n".encode() in request


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://127.0.0.1:7827", "ws://127.0.0.1:7827/api/v1/teams/team-1/tunnel"),
        ("https://cloud.test", "wss://cloud.test/api/v1/teams/team-1/tunnel"),
        ("http://[::1]:1/base", "ws://[::1]:1/base/api/v1/teams/team-1/tunnel"),
    ],
)
def test_the_tunnel_is_below_the_clouds_address(base: str, url: str) -> None:
    assert address_of(base).tunnel_url == url


@pytest.mark.parametrize(
    ("line", "why"), [("401 Unauthorized", "refuses our key"), ("403 Forbidden", "lets our key not listen")]
)
@in_a_loop
async def test_a_refused_key_is_not_tried_again(line: str, why: str) -> None:
    error = await failure_after(status(line))
    assert isinstance(error, NotAllowed)
    assert why in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        status("404 Not Found"),
        status("200 OK"),
        status("400 Bad Request"),
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n\x82\x01x\r\n\r\n\x82\x7e",
        b"220 mail ESMTP\r\n",
        b"\0\xff\r\n\r\n",
        b"",
    ],
    ids=["404", "200", "400", "404 with a body", "another protocol", "garbage", "closed at once"],
)
@in_a_loop
async def test_what_does_not_speak_our_language_is_foreign(answer: bytes) -> None:
    error = await failure_after(answer)
    assert isinstance(error, Unreachable)
    assert error.foreign
    assert str(error).startswith(FOREIGN)


@in_a_loop
async def test_a_websocket_without_our_subprotocol_is_foreign() -> None:
    async with cloud(until_closed, subprotocol=None) as base:
        error = await failure(base)
    assert isinstance(error, Unreachable)
    assert error.foreign


@virtually
async def test_a_server_that_says_nothing_is_given_up() -> None:
    error = await failure_after(None)
    assert isinstance(error, Unreachable)
    assert error.foreign
    assert str(error).endswith("doesn't answer")
    assert asyncio.get_running_loop().time() == pytest.approx(DIAL_S)


@pytest.mark.parametrize(
    ("answer", "wait_s", "said"),
    [
        (status("429 Too Many Requests", "Retry-After: 30"), 30, "the cloud answered 429 and asks to wait 30 s"),
        (status("503 Service Unavailable", "Retry-After: 2"), 2, "the cloud answered 503 and asks to wait 2 s"),
        (status("500 Internal Server Error"), 0, "the cloud answered 500"),
        (status("503 Service Unavailable", "Retry-After: soon"), 0, "the cloud answered 503"),
        (status("503 Service Unavailable", "Retry-After: -1"), 0, "the cloud answered 503"),
        (
            status("429 Too Many Requests", "Retry-After: 999999999"),
            3600,
            "the cloud answered 429 and asks to wait 3600 s",
        ),
    ],
)
@in_a_loop
async def test_a_failing_cloud_is_worth_another_try_after_the_time_it_asks_for(
    answer: bytes, wait_s: float, said: str
) -> None:
    error = await failure_after(answer)
    assert isinstance(error, Unreachable)
    assert (error.wait_s, error.foreign, error.refused, str(error)) == (wait_s, False, False, said)


def free_address() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        host, port = probe.getsockname()
    return host, port


@in_a_loop
async def test_that_nothing_listens_is_a_refusal() -> None:
    host, port = free_address()
    error = await failure(f"http://{host}:{port}")
    assert isinstance(error, Unreachable)
    assert (error.refused, str(error)) == (True, f"nothing listens on http://{host}:{port}")


def test_that_nothing_listens_on_any_address_of_a_name_is_a_refusal() -> None:
    class TwoAddresses(asyncio.SelectorEventLoop):
        async def getaddrinfo(self, host: object, port: Any, **_: Any) -> Any:
            return [
                (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
            ]

    _, port = free_address()
    with asyncio.Runner(loop_factory=TwoAddresses) as runner:
        error = runner.run(failure(f"http://localhost:{port}"))
    assert isinstance(error, Unreachable)
    assert error.refused


@in_a_loop
async def test_a_name_that_does_not_exist_is_a_refusal() -> None:
    error = await failure("http://cloud.invalid:7827")
    assert isinstance(error, Unreachable)
    assert error.refused


@in_a_loop
async def test_a_certificate_that_nobody_vouches_for_is_not_trusted() -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    async with cloud(until_closed, tls=tls) as base:
        error = await failure(base.replace("http://", "https://"))
    assert isinstance(error, Unreachable)
    assert error.foreign
    assert "speaks no TLS that we trust (CERTIFICATE_VERIFY_FAILED)" in str(error)


@in_a_loop
async def test_a_connection_that_breaks_in_the_tls_handshake_is_worth_another_try() -> None:
    async with cloud(until_closed) as base:
        error = await failure(base.replace("http://", "https://"))
    assert isinstance(error, Unreachable)
    assert (error.foreign, error.refused) == (False, False)
    assert str(error).endswith(" can't be reached (the connection broke)")


@pytest.mark.parametrize("line", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
@in_a_loop
async def test_a_redirect_takes_the_token_nowhere(line: str) -> None:
    elsewhere = Answering(status("401 Unauthorized"))
    async with elsewhere.serve() as other:
        error = await failure_after(status(line, f"Location: {other.replace('http', 'ws')}/"))
    assert isinstance(error, Unreachable)
    assert error.foreign
    assert elsewhere.requests == []


@pytest.mark.parametrize("message", [b"garbage", b"{}\n", b'{"type":"welcome"}\n', b"\xff\n", "text\n"])
@in_a_loop
async def test_a_message_that_is_not_the_tunnels_language_breaks_the_connection(message: bytes | str) -> None:
    async def talk(websocket: ServerConnection) -> None:
        await websocket.send(message)
        await websocket.wait_closed()

    async with cloud(talk) as base, dial(address_of(base)) as connection:
        with pytest.raises(Unreachable, match="the cloud sent "):
            await next_frames(connection)


@in_a_loop
async def test_a_message_beyond_all_measure_breaks_the_connection() -> None:
    async def talk(websocket: ServerConnection) -> None:
        await websocket.send(b"x" * (2 * MAX_MESSAGE_BYTES + 1))
        await websocket.wait_closed()

    async with cloud(talk) as base, dial(address_of(base)) as connection:
        with pytest.raises(Unreachable):
            await next_frames(connection)


@in_a_loop
async def test_why_the_cloud_closed_is_told() -> None:
    async def talk(websocket: ServerConnection) -> None:
        await websocket.send(encode([Welcome("ses_1", False, 0)]))
        await websocket.close(1001, "going away")

    async with cloud(talk) as base, dial(address_of(base)) as connection:
        assert await next_frames(connection) == [Welcome("ses_1", False, 0)]
        with pytest.raises(Unreachable, match="going away"):
            await next_frames(connection)
        with pytest.raises(Unreachable, match="going away"):
            await waited(connection.send(encode([Heartbeat()])))
