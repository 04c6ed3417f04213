"""The door for websockets: who may open one, and where to.

It is one layer, where requests have many: a listener's tunnel keeps the stack that leads to it for as long as it is
open, and all that it says goes through each layer.
"""

import re
from functools import partial

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from cstar_cli.cloud.api.access_log import AccessLog
from cstar_cli.cloud.api.answers import ApiError, failure, missing
from cstar_cli.cloud.api.faults import answer_to_fault
from cstar_cli.cloud.api.guard import TEAMS, Guard, away, check, identity_of, refuse_with
from cstar_cli.cloud.api.tunnel import check_subprotocol, tunnel
from cstar_cli.cloud.service import Cloud
from cstar_cli.cloud.store.interface import StoreUnavailable

_TUNNEL = re.compile(re.escape(TEAMS) + r"([^/]+)/tunnel")


class Sockets:
    """ASGI application of all websockets."""

    def __init__(self, cloud: Cloud, guard: Guard) -> None:
        self._cloud = cloud
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            team_id = await self._admitted(scope)
        except ApiError as error:
            answer = failure(error)
        except StoreUnavailable as error:
            answer = failure(away(error, identity_of(scope)))
        except Exception as error:
            answer = answer_to_fault(scope, error)
        else:
            return await tunnel(WebSocket(scope, receive, send), self._cloud, team_id)
        await AccessLog(partial(refuse_with, answer), self._cloud)(scope, receive, send)

    async def _admitted(self, scope: Scope) -> str:
        """Return the team whose tunnel is asked for, by somebody who may. Raises ApiError, StoreUnavailable."""
        identity = await self._guard.admit(scope)
        if identity is not None:
            scope.setdefault("state", {})["identity"] = identity
            check(identity, scope)
        found = _TUNNEL.fullmatch(scope["path"])
        if not found:
            raise missing("No such websocket.")
        check_subprotocol(scope["subprotocols"])
        return found[1]
