"""The websocket of a listener, once it is open: what lies between a transport and a relay."""

import asyncio
import logging
from typing import Any, cast

from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from cstar_cli.cloud import logs
from cstar_cli.cloud.outbox import Gone
from cstar_cli.cloud.relay import Relay
from cstar_cli.framing import framed
from cstar_cli.protocol.frames import MAX_MESSAGE_BYTES

_LOGGER = logging.getLogger("cstar.cloud.websockets")  # looked up once, and it drops all
_LOGGER.setLevel(logging.CRITICAL)

CLOSE_S = 10.0  # for the listener to close its side


class Tunnel(asyncio.Protocol):
    """Hands messages to the relay and sends its own, over a connection whose handshake is done."""

    __slots__ = (
        "_closing",
        "_connections",
        "_fragments",
        "_is_held",
        "_is_owing",
        "_protocol",
        "_transport",
        "is_writable",
        "relay",
    )

    relay: Relay  # set by whoever makes both

    def __init__(self, transport: asyncio.Transport, connections: set[Any]) -> None:
        self._transport = transport
        self._protocol = Protocol(SERVER, max_size=MAX_MESSAGE_BYTES, logger=_LOGGER)
        self._connections = connections  # uvicorn's, which it tells of its end and waits for
        self._connections.add(self)
        self._fragments: list[bytes] = []
        self._closing: asyncio.TimerHandle | None = None
        self._is_held = False  # by the relay, which reads on later
        self._is_owing = False  # answers to pings, to one who doesn't read them
        self.is_writable = True

    async def run(self) -> None:
        """Serve the listener to the end."""
        end = Gone("going away", code=1001)  # if it is cancelled
        try:
            end = await self.relay.run()
        except Exception as error:
            logs.error("tunnel broke", error=repr(error))
            end = Gone("the cloud has failed", code=1011)
        finally:
            self._close(end)

    def write(self, message: bytes) -> None:
        if self._protocol.state is not OPEN:
            raise Gone("closed by the listener")
        self._transport.write(framed(message))  # what the protocol has made is sent already

    def pause(self) -> None:
        self._is_held = True
        self._read_or_not()

    def resume(self) -> None:
        self._is_held = False
        self._read_or_not()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for frame in self._protocol.events_received():
            self._take(cast(Frame, frame))
        if self._flush() and not self.is_writable:
            self._is_owing = True
            self._read_or_not()
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
        if self._is_owing:
            self._is_owing = False
            self._read_or_not()
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

    def _read_or_not(self) -> None:
        """Read, unless the relay or a pong holds it up; of one who reads slowly, heartbeats are heard all the same."""
        if self._transport.is_closing():
            return
        if self._is_held or self._is_owing:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _flush(self) -> bool:
        """Send what the protocol has made; say whether there was anything."""
        to_send = self._protocol.data_to_send()
        if to_send:
            self._transport.write(to_send[0] if len(to_send) == 1 else b"".join(to_send))
        return bool(to_send)
