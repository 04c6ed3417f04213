"""How many requests an API key may make: a fixed window, counted by the store, so that it holds over all nodes.

A node takes allowances in blocks, smaller ones towards the end: the store is asked rarely, the limit is never
exceeded, and what other nodes hold unused is little. The home's own token isn't limited, nor are tunnels: a listener
that has lost its connection comes back however much its key has been used.
"""

import asyncio
import math
from collections.abc import Callable

import msgspec
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cstar_cli.cloud.api.answers import ApiError, failure
from cstar_cli.cloud.api.guard import away, identity_of, refuse
from cstar_cli.cloud.api.identity import Identity
from cstar_cli.cloud.options import RequestLimits
from cstar_cli.cloud.store.interface import Accounts, StoreUnavailable

LARGEST_BLOCK = 20
BLOCKS_A_WINDOW = 50
MOST_REMEMBERED = 4096


def rate_limited(limit: int, wait_s: int) -> ApiError:
    message = f"This key has made its {limit} requests of this window: come back in {wait_s} s."
    return ApiError(429, "rate_limit_error", "rate_limit_exceeded", message)


class Limits:
    """ASGI middleware: refuses a key's requests above its limit, and tells each how much is left.

    `clock` is monotonic, in seconds; `now_ms` is the wall clock.
    """

    def __init__(
        self,
        app: ASGIApp,
        accounts: Accounts,
        limits: RequestLimits,
        clock: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        self._app = app
        self._accounts = accounts
        self._limits = limits
        self._clock = clock
        self._now_ms = now_ms
        self._windows: dict[str, _Window] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        identity = identity_of(scope)
        if scope["type"] != "http" or identity is None or identity.key_id is None:
            return await self._app(scope, receive, send)
        limit = self._limit(identity)
        if limit is None:
            return await self._app(scope, receive, send)
        window = self._window(identity.key_id)
        try:
            taken = await self._take(identity.key_id, window, limit)
        except StoreUnavailable as error:
            return await refuse(away(error, identity), scope, receive, send)
        headers = self._headers(window, limit)
        if not taken:
            wait_s = max(1, math.ceil(window.ends_at - self._clock()))
            answer = failure(rate_limited(limit, wait_s))
            answer.headers.update(headers | {"retry-after": str(wait_s)})
            return await answer(scope, receive, send)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        return await self._app(scope, receive, tell)

    def take_at_once(self, identity: Identity) -> dict[str, str] | None:
        """Take a request of what the node has in hand, and return what to tell of it; None where it has none left."""
        limit = self._limit(identity)
        if identity.key_id is None or limit is None:
            return {}
        window = self._windows.get(identity.key_id)
        if window is None or not window.take(self._clock()):
            return None
        return self._headers(window, limit)

    def _limit(self, identity: Identity) -> int | None:
        return self._limits.publishable if identity.read_only else self._limits.secret

    def _headers(self, window: "_Window", limit: int) -> dict[str, str]:
        return {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(max(0, limit - window.used + window.left)),
            "x-ratelimit-reset": str(window.reset_unix_s),
            "x-ratelimit-window": str(math.ceil(self._limits.window_s)),
        }

    def _window(self, key_id: str) -> "_Window":
        """Return what is known of the key; of too many the first goes, with what is left of its block."""
        window = self._windows.get(key_id)
        if window is None:
            while len(self._windows) >= MOST_REMEMBERED:
                del self._windows[next(iter(self._windows))]
            window = self._windows[key_id] = _Window()
        return window

    async def _take(self, key_id: str, window: "_Window", limit: int) -> bool:
        """Take one request, and before it a block of them if none is left; say whether there was one."""
        if window.take(self._clock()):
            return True
        async with window.asking:
            now = self._clock()
            if window.take(now):  # of the block that somebody else has brought meanwhile
                return True
            if window.is_over(now):
                window.used = 0
            elif window.used >= limit:
                return False
            return await self._refill(key_id, window, limit)

    async def _refill(self, key_id: str, window: "_Window", limit: int) -> bool:
        """Take a block, and one request of it at once; say whether there was any."""
        block = min(LARGEST_BLOCK, max(1, (limit - window.used) // BLOCKS_A_WINDOW))
        asked_at, asked_at_ms = self._clock(), self._now_ms()
        allowance = await self._accounts.allow(key_id, round(self._limits.window_s * 1000), limit, block)
        window.left = max(0, allowance.granted - 1)
        window.used = allowance.used if allowance.granted else limit
        window.ends_at = asked_at + allowance.reset_in_ms / 1000
        # Rounded, for the store's clock isn't quite ours: the same window has the same end in each answer.
        window.reset_unix_s = round((asked_at_ms + allowance.reset_in_ms) / 1000)
        return allowance.granted > 0


class _Window(msgspec.Struct):
    """A key's current window as this node knows it: `left` of its block, `used` by all nodes, blocks included."""

    left: int = 0
    used: int = 0
    ends_at: float = -math.inf
    reset_unix_s: int = 0
    asking: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)

    def is_over(self, now: float) -> bool:
        return now >= self.ends_at

    def take(self, now: float) -> bool:
        if self.left == 0 or self.is_over(now):
            return False
        self.left -= 1
        return True
