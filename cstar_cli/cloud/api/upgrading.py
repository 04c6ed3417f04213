"""uvicorn's websocket up to the end of its handshake; from there on a tunnel has the connection.

What uvicorn keeps for an application (the request, a queue, a task that waits in the application) is several times what
an idle tunnel needs, and is gone when the tunnel begins.
"""

from typing import cast

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

    def handle_connect(self, event: Request) -> None:
        self.transport.pause_reading()  # what comes from now on is for the tunnel
        super().handle_connect(event)

    async def run_asgi(self) -> None:
        try:
            admitted = await self.door.admit(cast(Scope, self.scope))
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
        tunnel = Tunnel(self.transport, self.connections)
        tunnel.relay = Relay(tunnel, team_id, self.node)
        self.transport.set_protocol(tunnel)
        self.connections.discard(self)
        task = self.loop.create_task(tunnel.run())
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
