"""The websocket against a real server: what waits, what is paused, and how it ends."""

import asyncio
from collections.abc import Awaitable
from typing import cast

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.uri import parse_uri
from websockets.utils import accept_key

from cstar_cli.tunnel.websocket import CLOSE_S, MOST_QUEUED, Websocket

from .test_connection import Talk, cloud, first_of, in_a_loop, until_closed, waited
from .virtual_time import virtually


async def opened(base: str) -> Websocket:
    uri = parse_uri(base.replace("http", "ws"))
    websocket = Websocket(ClientProtocol(uri), {})
    await asyncio.get_running_loop().create_connection(lambda: websocket, uri.host, uri.port)
    await websocket.opened
    return websocket


async def send_for_ever(websocket: Websocket) -> None:
    while True:
        await waited(websocket.send(b"x"))
        await asyncio.sleep(0)


def saying(*messages: bytes) -> Talk:
    async def talk(websocket: ServerConnection) -> None:
        for message in messages:
            await websocket.send(message)
        await websocket.wait_closed()

    return talk


@in_a_loop
async def test_a_message_in_pieces_is_one() -> None:
    async def talk(websocket: ServerConnection) -> None:
        await websocket.send([b"one", b" and", b" the same"])
        await websocket.wait_closed()

    async with cloud(talk, subprotocol=None) as base:
        websocket = await opened(base)
        assert await first_of(websocket.read) == b"one and the same"
        await websocket.close()


@in_a_loop
async def test_nothing_is_handed_over_while_what_was_taken_asks_to_wait() -> None:
    taken: list[bytes] = []
    go_on, all_taken = asyncio.Event(), asyncio.Event()

    def take(message: bytes) -> Awaitable[object]:
        taken.append(message)
        if message == b"3":
            all_taken.set()
        return go_on.wait()

    async with cloud(saying(b"1", b"2", b"3"), subprotocol=None) as base:
        websocket = await opened(base)
        reading = asyncio.ensure_future(websocket.read(take))
        for _ in range(100):
            await asyncio.sleep(0)
        assert taken == [b"1"]
        go_on.set()
        await all_taken.wait()
        assert taken == [b"1", b"2", b"3"]
        reading.cancel()
        await websocket.close()


@in_a_loop
async def test_what_fails_to_take_a_message_ends_the_reading() -> None:
    def take(message: bytes) -> None:
        raise ValueError(message)

    async with cloud(saying(b"1"), subprotocol=None) as base:
        websocket = await opened(base)
        with pytest.raises(ValueError, match="1"):
            await websocket.read(take)
        await websocket.close()


@in_a_loop
async def test_what_came_before_the_end_is_received_and_then_the_end() -> None:
    async def talk(websocket: ServerConnection) -> None:
        await websocket.send(b"last words")

    async with cloud(talk, subprotocol=None) as base:
        websocket = await opened(base)
        with pytest.raises(ConnectionClosed):
            await send_for_ever(websocket)
        assert await first_of(websocket.read) == b"last words"
        with pytest.raises(ConnectionClosed):
            await first_of(websocket.read)


@in_a_loop
async def test_no_more_is_read_while_many_messages_wait() -> None:
    sent = 0
    large = b"x" * 2**19

    async def talk(websocket: ServerConnection) -> None:
        nonlocal sent
        for number in range(200):
            await websocket.send(b"%d" % number + large)
            sent += 1
        await websocket.wait_closed()

    async with cloud(talk, subprotocol=None) as base:
        websocket = await opened(base)
        before = -1
        while before < sent:
            before = sent
            for _ in range(1000):
                await asyncio.sleep(0)
        assert MOST_QUEUED <= sent < 100
        numbers = [int((await first_of(websocket.read)).removesuffix(large)) for _ in range(200)]
        assert numbers == list(range(200))
        await websocket.close()


@in_a_loop
async def test_closing_waits_for_none_of_the_messages_that_nobody_wants_any_more() -> None:
    async with cloud(saying(*[b"x"] * 3 * MOST_QUEUED), subprotocol=None) as base:
        websocket = await opened(base)
        await first_of(websocket.read)
        await websocket.close()
        with pytest.raises(ConnectionClosed):
            await first_of(websocket.read)


@pytest.mark.parametrize("pieces", [1, 2, 3, 4, 200])
@in_a_loop
async def test_frames_may_come_right_behind_the_answer_to_the_request(pieces: int) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = await agreement(reader) + b"\x82\x07first\r\n" + b"\x82\x08second\r\n"
        size = -(-len(answer) // pieces)
        for at in range(0, len(answer), size):
            writer.write(answer[at : at + size])
            await writer.drain()
            for _ in range(10):  # so that each comes by itself
                await asyncio.sleep(0)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        websocket = await opened(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert await first_of(websocket.read) == b"first\r\n"
        assert await first_of(websocket.read) == b"second\r\n"
        with pytest.raises(ConnectionClosed):
            await first_of(websocket.read)


async def agreement(reader: asyncio.StreamReader) -> bytes:
    """Read the request for a websocket; return the answer that opens it."""
    head = await reader.readuntil(b"\r\n\r\n")
    key = next(line for line in head.decode().split("\r\n") if line.startswith("Sec-WebSocket-Key: "))[19:]
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n\r\n"
    )


@virtually
async def test_a_server_that_does_not_answer_a_goodbye_is_left() -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await agreement(reader))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        websocket = await opened(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        began = asyncio.get_running_loop().time()
        await websocket.close()
        assert asyncio.get_running_loop().time() - began == pytest.approx(CLOSE_S)


@in_a_loop
async def test_closing_twice_is_closing_once() -> None:
    async with cloud(until_closed, subprotocol=None) as base:
        websocket = await opened(base)
        await websocket.close()
        await websocket.close()


@virtually
async def test_a_server_that_has_said_all_and_reads_nothing_is_left() -> None:
    over, ended = asyncio.Event(), asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await agreement(reader))
        cast(asyncio.ReadTransport, writer.transport).pause_reading()
        writer.write_eof()
        await over.wait()
        writer.transport.abort()
        ended.set()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        websocket = await opened(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        room = websocket.send(bytes(10_000_000))
        assert room is not None
        with pytest.raises(ConnectionClosed):
            await websocket.read(lambda _: None)
        with pytest.raises(ConnectionClosed):
            await room
        await websocket.close()
        over.set()
        await ended.wait()
