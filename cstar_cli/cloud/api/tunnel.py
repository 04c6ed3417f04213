"""The websocket of a listener."""

from collections.abc import Sequence
from functools import partial

from starlette.websockets import WebSocket, WebSocketDisconnect

from cstar_cli.cloud import logs, observing
from cstar_cli.cloud.api.answers import invalid
from cstar_cli.cloud.relay import Gone, Relay
from cstar_cli.cloud.service import Cloud
from cstar_cli.protocol.frames import SUBPROTOCOL

_SPEAK_OURS = f"Offer the websocket subprotocol {SUBPROTOCOL}."


class _Socket:
    """Starlette's websocket as the relay sees it."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive(self) -> bytes:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise Gone("closed by the listener")
        body: bytes | None = message.get("bytes")
        return body if body is not None else str(message.get("text", "")).encode()

    async def send(self, message: bytes) -> None:
        try:
            await self._websocket.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise Gone("closed by the listener") from error


def check_subprotocol(offered: Sequence[str]) -> None:
    """Raise ApiError unless the listener speaks our language."""
    if SUBPROTOCOL not in offered:
        raise invalid("subprotocol_missing", _SPEAK_OURS)


async def tunnel(websocket: WebSocket, cloud: Cloud, team_id: str) -> None:
    """Serve a listener that may come in, to the end."""
    await websocket.accept(SUBPROTOCOL)
    relay = Relay(
        _Socket(websocket),
        team_id,
        cloud.store,
        cloud.sessions,
        cloud.clock,
        observe=partial(observing.session_attempt, cloud.metrics),
    )
    try:
        end = await relay.run()
    except Exception as error:
        logs.error("tunnel broke", error=repr(error))
        end = Gone("the cloud has failed", code=1011)
    try:
        await websocket.close(end.code, end.reason)
    except (WebSocketDisconnect, RuntimeError):
        return  # the listener has closed already
