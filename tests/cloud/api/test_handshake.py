"""A tunnel's handshake goes the short way where it is plain; by either way the same is answered."""

import asyncio

import pytest

from cstar_cli.cloud.api.handshake import Header, plain_key
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


async def shaken(there: There, token: str, protocols: str) -> tuple[int, dict[str, str]]:
    """Ask for a tunnel; return the status and the headers of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
    changed = {b"authorization": f"Bearer {token}".encode(), b"sec-websocket-protocol": protocols.encode()}
    head = [b"GET %b HTTP/1.1" % URL, *(b"%b: %b" % pair for pair in {**PLAIN, **changed}.items())]
    writer.write(b"\r\n".join([*head, b"", b""]))
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
    writer.close()
    return int(status.split()[1]), {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
