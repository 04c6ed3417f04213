"""The websocket of a listener, once it is open: what lies between a transport and a relay."""

import asyncio
import logging
from typing import Any, cast

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol

from cstar_cli.cloud import logs
from cstar_cli.cloud.outbox import Gone
from cstar_cli.cloud.relay import Relay
from cstar_cli.protocol.frames import MAX_MESSAGE_BYTES

_LOGGER = logging.getLogger("cstar.cloud.websockets")  # looked up once, and it drops all
_LOGGER.setLevel(logging.CRITICAL)

CLOSE_S = 10.0  # for the listener to close its side


class Tunnel(asyncio.Protocol):
    """Hands messages to the relay and sends its own, over a connection whose handshake is done."""

    __slots__ = ("_closing", "_connections", "_fragments", "_protocol", "_transport", "is_writable", "relay")

    relay: Relay  # set by whoever makes both

    def __init__(self, transport: asyncio.Transport, connections: set[Any]) -> None:
        self._transport = transport
        self._protocol = Protocol(SERVER, max_size=MAX_MESSAGE_BYTES, logger=_LOGGER)
        self._connections = connections  # uvicorn's, which it tells of its end and waits for
        self._connections.add(self)
        self._fragments: list[bytes] = []
        self._closing: asyncio.TimerHandle | None = None
        self.is_writable = True

    async def run(self) -> None:
        """Serve the listener to the end."""
        try:
            end = await self.relay.run()
        except Exception as error:
            logs.error("tunnel broke", error=repr(error))
            end = Gone("the cloud has failed", code=1011)
        self._close(end)

    def write(self, message: bytes) -> None:
        try:
            self._protocol.send_binary(message)
        except InvalidState as error:
            raise Gone("closed by the listener") from error
        self._flush()

    def pause(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for frame in self._protocol.events_received():
            self._take(cast(Frame, frame))
        self._flush()
        if self._protocol.close_rcvd or self._protocol.parser_exc:
            self._transport.close()
            self.relay.lost()

    def eof_received(self) -> None:
        """The listener has said all; the transport closes by itself, once what is under way is read."""
        self.relay.lost()

    def pause_writing(self) -> None:
        self.is_writable = False

    def resume_writing(self) -> None:
        self.is_writable = True
        self.relay.writable()

    def connection_lost(self, _: Exception | None) -> None:
        self._connections.discard(self)
        if self._closing:
            self._closing.cancel()
        self.relay.lost()

    def shutdown(self) -> None:
        """The server ends."""
        self.relay.hang_up()

    def _take(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        if frame.fin and not self._fragments:
            return self.relay.received(bytes(frame.data))
        self._fragments.append(bytes(frame.data))
        if frame.fin:
            message, self._fragments = b"".join(self._fragments), []
            self.relay.received(message)

    def _close(self, end: Gone) -> None:
        """Say why; whoever doesn't answer that, or read what is still to come, in time is cut off."""
        if self not in self._connections:  # it is lost
            return
        self._closing = asyncio.get_running_loop().call_later(CLOSE_S, self._transport.abort)
        if self._transport.is_closing():
            return
        self._protocol.send_close(end.code, end.reason)
        self._flush()
        self.resume()  # for the answer

    def _flush(self) -> None:
        if to_send := self._protocol.data_to_send():
            self._transport.write(to_send[0] if len(to_send) == 1 else b"".join(to_send))
