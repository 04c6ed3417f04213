"""uvicorn's websocket up to the end of its handshake; from there on a tunnel has the connection.

What uvicorn keeps for an application (the request, a queue, a task that waits in the application) is several times what
an idle tunnel needs, and is gone when the tunnel begins.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, cast

from starlette.types import Scope
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from cstar_cli.cloud import logs
from cstar_cli.cloud.api.sockets import Door
from cstar_cli.cloud.api.tunnel import Tunnel
from cstar_cli.cloud.node import Node
from cstar_cli.cloud.relay import Relay
from cstar_cli.protocol.frames import SUBPROTOCOL

REFUSAL = "refusal"
"""Where a handshake's state has who refuses one whom the door has heard already."""

_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Connected(Protocol):
    """A protocol of uvicorn's that has a connection."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    connections: set[Any]
    tasks: set[asyncio.Task[None]]


def upgrading(door: Door, node: Node) -> type["Upgrading"]:
    """Return the protocol of one server."""

    class OfOneServer(Upgrading):
        pass

    OfOneServer.door = door
    OfOneServer.node = node
    return OfOneServer


class Upgrading(WebSocketsSansIOProtocol):
    """Lets a listener in, or has it refused."""

    door: Door
    node: Node

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc and not self.handshake_initiated:  # no request, so uvicorn neither answers nor ends
            self.handshake_complete = self.close_sent = True
            self.transport.write(_BAD_REQUEST)
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        self.transport.pause_reading()  # what comes from now on is for the tunnel
        super().handle_connect(event)

    async def run_asgi(self) -> None:
        try:
            scope = cast(Scope, self.scope)
            admitted = scope["state"].pop(REFUSAL, None) or await self.door.admit(scope)
            if isinstance(admitted, str):
                return await self._let_in(admitted)
        except Exception as error:  # there is no application that could answer yet
            logs.error("handshake broke", error=repr(error))
            return self.transport.abort()
        self.app = admitted
        await super().run_asgi()

    async def _let_in(self, team_id: str) -> None:
        try:
            await self.send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        except ClientDisconnected:
            return
        if self.transport.is_closing():
            return
        hand_over(self, team_id, self.node)


def hand_over(connected: Connected, team_id: str, node: Node) -> None:
    """Give the connection to a tunnel."""
    tunnel = Tunnel(connected.transport, connected.connections)
    tunnel.relay = Relay(tunnel, team_id, node)
    connected.transport.set_protocol(tunnel)
    connected.connections.discard(connected)
    start(connected, tunnel.run())


def start(connected: Connected, work: Coroutine[None, None, None]) -> None:
    """Do it in a task that uvicorn waits for at its end."""
    task = connected.loop.create_task(work)
    task.add_done_callback(connected.tasks.discard)
    connected.tasks.add(task)
