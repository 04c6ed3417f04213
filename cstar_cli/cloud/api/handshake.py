"""The short way to a tunnel: a handshake that is in order, by a listener who may, becomes nothing in between.

uvicorn would write the head anew for websockets to parse, and keep a request and a queue for an application. Whatever
is out of the ordinary goes that way, and so does whoever isn't let in: all refusals are made there.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from websockets.utils import accept_key

from cstar_cli.cloud import logs
from cstar_cli.cloud.api.sockets import Door
from cstar_cli.cloud.api.upgrading import REFUSAL, hand_over, start
from cstar_cli.cloud.node import Node
from cstar_cli.protocol.frames import SUBPROTOCOL

Header = tuple[bytes, bytes]

_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
_PATH = re.compile(rb"/[A-Za-z0-9_/.-]*")
_WITH_BODY = {b"content-length", b"transfer-encoding"}
_SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\n%bupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-accept: %b\r\nsec-websocket-protocol: %b\r\n\r\n"
)


def plain_key(url: bytes, headers: Sequence[Header]) -> bytes | None:
    """Return the key of a handshake for a tunnel that has nothing out of the ordinary."""
    given = dict(headers)
    key = given.get(b"sec-websocket-key", b"")
    is_plain = (
        len(given) == len(headers)
        and given.get(b"sec-websocket-version") == b"13"
        and given.get(b"sec-websocket-protocol") == SUBPROTOCOL.encode()
        and not given.keys() & _WITH_BODY
        and _PATH.fullmatch(url)
        and _KEY.fullmatch(key)
    )
    return key if is_plain else None


class Handshakes:
    """Those of one server."""

    def __init__(self, door: Door, node: Node) -> None:
        self._door = door
        self._node = node

    def begin(self, http: HttpToolsProtocol, always: bytes, otherwise: Callable[[], None]) -> bool:
        """Say whether the request goes the short way; one who isn't let in goes `otherwise`.

        Nothing is read until then: what comes is for the tunnel.
        """
        scope: dict[str, Any] = {**http.scope}
        key = plain_key(http.url, http.headers)
        if key is None or scope["http_version"] != "1.1" or scope.pop("method") != "GET":
            return False
        scope |= {"type": "websocket", "path": http.url.decode(), "subprotocols": [SUBPROTOCOL]}
        answer = _SWITCHING % (always, accept_key(key.decode()).encode(), SUBPROTOCOL.encode())
        start(http, self._shake_hands(http, scope, answer, otherwise))
        return True

    async def _shake_hands(
        self, http: HttpToolsProtocol, scope: Scope, answer: bytes, otherwise: Callable[[], None]
    ) -> None:
        try:
            admitted = await self._door.admit(scope)
            if http.transport.is_closing():
                return
            if not isinstance(admitted, str):
                http.app_state = {**scope["state"], REFUSAL: admitted}
                return otherwise()
            http._unset_keepalive_if_required()  # which closed a connection that had idled after a request before
            http.transport.write(answer)
            hand_over(http, admitted, self._node)
        except Exception as error:  # there is no application that could answer
            logs.error("handshake broke", error=repr(error))
            http.transport.abort()
