"""The door for websockets: who may open one, and where to."""

import re
from collections.abc import Sequence
from functools import partial

from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from cstar_cli.cloud.api.access_log import AccessLog
from cstar_cli.cloud.api.answers import ApiError, failure, invalid, missing
from cstar_cli.cloud.api.faults import answer_to_fault
from cstar_cli.cloud.api.guard import TEAMS, Guard, away, check, identity_of, refuse_with
from cstar_cli.cloud.service import Cloud
from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.protocol.frames import SUBPROTOCOL

_TUNNEL = re.compile(re.escape(TEAMS) + r"([^/]+)/tunnel")
_SPEAK_OURS = f"Offer the websocket subprotocol {SUBPROTOCOL}."


class Door:
    """Asks whoever comes with a websocket."""

    def __init__(self, cloud: Cloud, guard: Guard) -> None:
        self.cloud = cloud
        self._guard = guard

    async def admit(self, scope: Scope) -> str | ASGIApp:
        """Return the team whose tunnel is asked for, by somebody who may; else who refuses them."""
        try:
            return await self._admitted(scope)
        except ApiError as error:
            return self._refusing(failure(error))
        except StoreUnavailable as error:
            return self._refusing(failure(away(error, identity_of(scope))))
        except Exception as error:
            return self._refusing(answer_to_fault(scope, error))

    def _refusing(self, answer: Response) -> ASGIApp:
        return AccessLog(partial(refuse_with, answer), self.cloud)

    async def _admitted(self, scope: Scope) -> str:
        identity = await self._guard.admit(scope)
        if identity is not None:
            scope.setdefault("state", {})["identity"] = identity
            check(identity, scope)
        found = _TUNNEL.fullmatch(scope["path"])
        if not found:
            raise missing("No such websocket.")
        check_subprotocol(scope["subprotocols"])
        return found[1]


def check_subprotocol(offered: Sequence[str]) -> None:
    """Raise ApiError unless the listener speaks our language."""
    if SUBPROTOCOL not in offered:
        raise invalid("subprotocol_missing", _SPEAK_OURS)
