"""The tunnel between a transport and a relay that are both fakes: what it sends, how it ends, and how much it holds."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from starlette.types import Scope
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import CLIENT, Protocol

from cstar_cli.cloud.api.sockets import Door
from cstar_cli.cloud.api.tunnel import Tunnel
from cstar_cli.cloud.api.upgrading import upgrading
from cstar_cli.cloud.node import Node
from cstar_cli.cloud.outbox import Gone
from cstar_cli.cloud.relay import Relay

from ..hurry import hurried_loop


class FakeTransport(asyncio.Transport):
    """One whose peer reads nothing: what is written stays, and closing takes for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self._is_reading = True
        self.was_aborted = asyncio.Event()
        self._is_closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self._is_reading = False

    def resume_reading(self) -> None:
        self._is_reading = True

    def reads(self) -> bool:
        return self._is_reading

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self._is_closing = True

    def abort(self) -> None:
        self.was_aborted.set()


class FakeRelay:
    """One that runs until its connection is lost."""

    def __init__(self) -> None:
        self._over = asyncio.Event()

    async def run(self) -> Gone:
        await self._over.wait()
        return Gone("closed by the listener")

    def lost(self) -> None:
        self._over.set()

    def writable(self) -> None:
        """Has nothing to write."""


def run(check: Callable[[Tunnel, FakeTransport], Awaitable[None]]) -> None:
    async def main() -> None:
        transport, connections = FakeTransport(), set[Any]()
        tunnel = Tunnel(transport, connections)
        tunnel.relay = cast(Relay, FakeRelay())
        async with asyncio.timeout(100):
            await check(tunnel, transport)
            tunnel.connection_lost(None)
        assert not connections

    with asyncio.Runner(loop_factory=hurried_loop) as runner:
        runner.run(main())


def test_to_who_has_closed_the_tunnel_nothing_is_sent() -> None:
    async def check(tunnel: Tunnel, transport: FakeTransport) -> None:
        listener = Protocol(CLIENT)
        listener.send_close(1000)
        tunnel.data_received(b"".join(listener.data_to_send()))
        answered = transport.written
        with pytest.raises(Gone, match="closed by the listener"):
            tunnel.write(b"more")
        assert transport.written == answered

    run(check)


def test_who_ends_its_side_and_reads_nothing_is_cut_off() -> None:
    async def check(tunnel: Tunnel, transport: FakeTransport) -> None:
        tunnel.eof_received()
        transport.close()  # as a transport does after that
        await tunnel.run()
        await transport.was_aborted.wait()

    run(check)


def test_who_breaks_the_language_and_reads_nothing_is_cut_off() -> None:
    async def check(tunnel: Tunnel, transport: FakeTransport) -> None:
        tunnel.data_received(b"\xff" * 10)
        await tunnel.run()
        await transport.was_aborted.wait()

    run(check)


def test_nothing_is_left_of_one_that_is_lost() -> None:
    async def check(tunnel: Tunnel, transport: FakeTransport) -> None:
        transport.close()
        tunnel.connection_lost(None)
        await tunnel.run()
        assert tunnel._closing is None

    run(check)


def test_one_that_is_cancelled_closes_its_connection() -> None:
    async def check(tunnel: Tunnel, transport: FakeTransport) -> None:
        running = asyncio.ensure_future(tunnel.run())
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert transport.written == Frame(Opcode.CLOSE, Close(1001, "going away").serialize()).serialize(mask=False)
        await transport.was_aborted.wait()

    run(check)


class BrokenDoor:
    """Lets nobody in, and refuses nobody."""

    async def admit(self, _: Scope) -> str:
        raise RuntimeError("no key fits")


def test_a_fault_at_the_door_cuts_the_connection_and_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def check(_: Tunnel, transport: FakeTransport) -> None:
        of_one_server = upgrading(cast(Door, BrokenDoor()), cast(Node, None))
        protocol = of_one_server.__new__(of_one_server)
        protocol.transport, protocol.scope = transport, {"type": "websocket"}  # type: ignore[typeddict-item]  # enough
        await protocol.run_asgi()
        assert transport.was_aborted.is_set()

    run(check)
    assert [record.getMessage() for record in caplog.records] == ["handshake broke"]


PING = Frame(Opcode.PING, b"x" * 125).serialize(mask=True)


def test_who_pings_and_reads_nothing_is_not_heard_until_it_reads() -> None:
    async def check(tunnel: Tunnel, transport: FakeTransport) -> None:
        tunnel.data_received(PING)
        assert transport.reads()
        tunnel.pause_writing()
        assert transport.reads()
        tunnel.data_received(PING)
        assert not transport.reads()
        tunnel.resume_writing()
        assert transport.reads()

    run(check)


def test_who_has_read_its_pongs_is_not_heard_before_the_relay_wants_to() -> None:
    async def check(tunnel: Tunnel, transport: FakeTransport) -> None:
        tunnel.pause_writing()
        tunnel.data_received(PING)
        tunnel.pause()
        tunnel.resume_writing()
        assert not transport.reads()
        tunnel.resume()
        assert transport.reads()
        tunnel.pause_writing()
        tunnel.pause()
        tunnel.data_received(PING)
        tunnel.resume()
        assert not transport.reads()

    run(check)
