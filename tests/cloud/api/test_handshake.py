"""A tunnel's handshake goes the short way where it is plain; by either way the same is answered."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NoReturn

import pytest
from uvicorn.config import Config
from websockets.http11 import Request

from cstar_cli.cloud.api.handshake import Header, plain_key
from cstar_cli.cloud.api.upgrading import Upgrading
from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.protocol.frames import SUBPROTOCOL

from ..serving import TOKEN, Serve, There
from .test_guard import add_key

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPTED = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, 1.3
URL = b"/api/v1/teams/team-1/tunnel"
PLAIN: dict[bytes, bytes] = {
    b"host": b"localhost",
    b"connection": b"Upgrade",
    b"upgrade": b"websocket",
    b"sec-websocket-version": b"13",
    b"sec-websocket-key": KEY,
    b"sec-websocket-protocol": SUBPROTOCOL.encode(),
}


def test_a_plain_handshake_has_a_key() -> None:
    assert plain_key(URL, [*PLAIN.items()]) == KEY


@pytest.mark.parametrize(
    "header",
    [
        (b"sec-websocket-version", b"12"),
        (b"sec-websocket-key", KEY[:-4]),
        (b"sec-websocket-key", b"*" + KEY[1:]),
        (b"sec-websocket-protocol", b"chat"),
        (b"content-length", b"3"),
        (b"transfer-encoding", b"chunked"),
    ],
)
def test_one_that_is_not_in_order_has_none(header: Header) -> None:
    assert plain_key(URL, [*{**PLAIN, header[0]: header[1]}.items()]) is None


@pytest.mark.parametrize("name", [b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-protocol"])
def test_one_that_lacks_something_has_none(name: bytes) -> None:
    assert plain_key(URL, [pair for pair in PLAIN.items() if pair[0] != name]) is None


@pytest.mark.parametrize("name", [b"host", b"sec-websocket-key"])
def test_one_that_says_something_twice_has_none(name: bytes) -> None:
    assert plain_key(URL, [*PLAIN.items(), (name, PLAIN[name])]) is None


@pytest.mark.parametrize("url", [b"http://localhost" + URL, URL + b"?x=1", URL + b"%2e", b"*"])
def test_one_with_a_peculiar_address_has_none(url: bytes) -> None:
    assert plain_key(url, [*PLAIN.items()]) is None


@pytest.mark.parametrize("protocols", [SUBPROTOCOL, f"chat, {SUBPROTOCOL}"])
def test_whoever_may_is_let_in_by_either_way(serve: Serve, protocols: str) -> None:
    async def check(there: There) -> None:
        status, headers = await shaken(there, TOKEN, protocols)
        assert status == 101
        assert headers["sec-websocket-accept"] == ACCEPTED
        assert headers["sec-websocket-protocol"] == SUBPROTOCOL
        assert headers["upgrade"] == "websocket"
        assert headers["connection"] == "Upgrade"
        assert "date" in headers

    serve(check)


@pytest.mark.parametrize("protocols", [SUBPROTOCOL, f"chat, {SUBPROTOCOL}"])
def test_whoever_may_not_is_refused_by_either_way(serve: Serve, protocols: str) -> None:
    async def check(there: There) -> None:
        read_only, foreign = await add_key(there, read_only=True), await add_key(there, team_id="team-2")
        for token, refused in (("wrong", 401), (read_only, 403), (foreign, 404)):
            status, headers = await shaken(there, token, protocols)
            assert status == refused
            assert headers["content-type"] == "application/json"

    serve(check)


@pytest.mark.parametrize(("protocols", "ways"), [(SUBPROTOCOL, 0), (f"chat, {SUBPROTOCOL}", 1)])
def test_only_a_plain_one_goes_the_short_way(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, protocols: str, ways: int
) -> None:
    long_way: list[Request] = []
    connect = Upgrading.handle_connect

    def handle_connect(self: Upgrading, event: Request) -> None:
        long_way.append(event)
        connect(self, event)

    monkeypatch.setattr(Upgrading, "handle_connect", handle_connect)

    async def check(there: There) -> None:
        assert (await shaken(there, TOKEN, protocols))[0] == 101

    serve(check)
    assert len(long_way) == ways


def test_whoever_may_not_is_asked_about_once(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(there: There) -> None:
        asked = 0

        async def find_key(*_: object) -> NoReturn:
            nonlocal asked
            asked += 1
            raise StoreUnavailable("the database is away")

        monkeypatch.setattr(there.cloud.store.accounts, "find_key", find_key)
        status, _ = await shaken(there, "sk_live_" + 43 * "x", SUBPROTOCOL)
        assert (status, asked) == (503, 1)

    serve(check)


def test_a_head_that_websockets_do_not_take_is_answered(serve: Serve) -> None:
    async def check(there: There) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
        head = [b"GET /x HTTP/1.1", b"host: localhost", b"connection: Upgrade", b"upgrade: websocket"]
        writer.write(b"\r\n".join([*head, b"content-length: 3", b"", b"abc"]))
        async with asyncio.timeout(10):
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()

    serve(check)


def test_a_tunnel_is_not_closed_for_what_was_asked_before_it(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    kept_s = 0.2
    config: Callable[..., Config] = Config
    monkeypatch.setattr("cstar_cli.cloud.server.Config", partial(config, timeout_keep_alive=kept_s))

    async def check(there: There) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
        writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n" + head_of(TOKEN, SUBPROTOCOL))
        for answer in (b" 200 ", b" 101 "):
            head = await reader.readuntil(b"\r\n\r\n")
            assert answer in head
            if answer == b" 200 ":
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3 * kept_s):
                await reader.read(1)
        writer.close()

    serve(check)


async def shaken(there: There, token: str, protocols: str) -> tuple[int, dict[str, str]]:
    """Ask for a tunnel; return the status and the headers of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
    writer.write(head_of(token, protocols))
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
    writer.close()
    return int(status.split()[1]), {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def head_of(token: str, protocols: str) -> bytes:
    """Return the request."""
    changed = {b"authorization": f"Bearer {token}".encode(), b"sec-websocket-protocol": protocols.encode()}
    head = [b"GET %b HTTP/1.1" % URL, *(b"%b: %b" % pair for pair in {**PLAIN, **changed}.items())]
    return b"\r\n".join([*head, b"", b""])
