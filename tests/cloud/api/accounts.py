"""Accounts in memory, and the way to the routes over them without a server."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx
from msgspec.structs import replace
from starlette.types import ASGIApp

from cstar_cli.api_keys import hash_of, new_api_key
from cstar_cli.cloud.api.guard import Access, Authorization, Guard
from cstar_cli.cloud.api.idempotency import Idempotency
from cstar_cli.cloud.api.identity import Identities
from cstar_cli.cloud.api.limits import Limits
from cstar_cli.cloud.options import RequestLimits
from cstar_cli.cloud.store.accounts import Allowance, ApiKey, Begun, StoredAnswer
from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.cloud.store.queries import Page

from ..serving import TOKEN
from ..store.making import T0_MS, TEAM

PATH = f"/api/v1/teams/{TEAM}/things"


@dataclass
class Time:
    """All clocks of a test, in one: it moves when it is told to, and when somebody sleeps."""

    now_s: float = T0_MS / 1000

    def clock(self) -> float:
        return self.now_s

    def now_ms(self) -> int:
        return round(self.now_s * 1000)

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        await asyncio.sleep(0)


@dataclass
class _Request:
    fingerprint: str
    seed: str
    taken_at_ms: int | None
    answer: StoredAnswer | None = None


@dataclass
class FakeAccounts:
    """What a driver promises, for one process. While it is `away`, everything fails; `asked` counts."""

    now_ms: Callable[[], int]
    stored: dict[str, ApiKey] = field(default_factory=dict)
    requests: dict[tuple[str, str], _Request] = field(default_factory=dict)
    windows: dict[tuple[str, int], int] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    away: bool = False

    async def _turn(self, name: str) -> None:
        self.asked[name] += 1
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable("The database is away.")

    async def create_key(self, key: ApiKey) -> ApiKey:
        await self._turn("create_key")
        return self.stored.setdefault(key.id, key)

    async def keys(self, team_id: str, page: Page) -> Sequence[ApiKey]:
        await self._turn("keys")
        found = [key for key in reversed(self.stored.values()) if key.team_id == team_id and not key.revoked_at_ms]
        return found[page.offset :][: page.size + 1]

    async def find_key(self, hash: str) -> ApiKey | None:
        await self._turn("find_key")
        return next((key for key in self.stored.values() if key.hash == hash and not key.revoked_at_ms), None)

    async def revoke_key(self, team_id: str, key_id: str) -> bool:
        await self._turn("revoke_key")
        key = self.stored.get(key_id)
        if key is None or key.team_id != team_id or key.revoked_at_ms:
            return False
        self.stored[key_id] = replace(key, revoked_at_ms=self.now_ms())
        return True

    async def allow(self, key_id: str, window_ms: int, limit: int, wanted: int) -> Allowance:
        await self._turn("allow")
        window, into_ms = divmod(self.now_ms(), window_ms)
        used = self.windows.get((key_id, window), 0)
        granted = max(0, min(wanted, limit - used))
        self.windows[key_id, window] = used + granted
        return Allowance(granted, used + granted, window_ms - into_ms)

    async def begin(self, team_id: str, key: str, fingerprint: str, seed: str, patience_ms: int) -> Begun:
        await self._turn("begin")
        request = self.requests.setdefault((team_id, key), _Request(fingerprint, seed, None))
        if request.fingerprint != fingerprint:
            return Begun(mine=False, same=False, seed=request.seed, answer=None)
        if request.answer:
            return Begun(mine=False, same=True, seed=request.seed, answer=request.answer)
        mine = request.taken_at_ms is None or self.now_ms() - request.taken_at_ms >= patience_ms
        if mine:
            request.taken_at_ms = self.now_ms()
        return Begun(mine=mine, same=True, seed=request.seed, answer=None)

    async def finish(self, team_id: str, key: str, answer: StoredAnswer) -> None:
        await self._turn("finish")
        self.requests[team_id, key].answer = answer

    async def abandon(self, team_id: str, key: str) -> None:
        await self._turn("abandon")
        self.requests[team_id, key].taken_at_ms = None

    def add_key(self, *, team_id: str = TEAM, read_only: bool = False, name: str = "ci") -> tuple[str, str]:
        """Store a fresh key; return its id and the key itself."""
        made = new_api_key(read_only)
        id = f"key_{len(self.stored)}"
        self.stored[id] = ApiKey(id, team_id, name, hash_of(made.key), made.hint, read_only, self.now_ms())
        return id, made.key


@dataclass
class Front:
    """A node: all that stands before the routes, and a client that comes that way."""

    client: httpx.AsyncClient
    accounts: FakeAccounts
    time: Time

    async def get(self, token: str = TOKEN, path: str = PATH) -> httpx.Response:
        return await self.client.get(path, headers={"authorization": f"Bearer {token}"})

    async def post(
        self, body: bytes = b"{}", *, key: str | None = None, token: str = TOKEN, path: str = PATH, method: str = "POST"
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} | ({"idempotency-key": key} if key is not None else {})
        return await self.client.request(method, path, content=body, headers=headers)


def front(
    app: ASGIApp,
    accounts: FakeAccounts,
    time: Time,
    *,
    limits: RequestLimits | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
) -> Front:
    """Return one node of those that share the accounts."""
    access = Access({TOKEN: TEAM})
    app = Idempotency(app, accounts, time.clock, sleep or time.sleep)
    app = Limits(Authorization(app), accounts, limits or RequestLimits(), time.clock, time.now_ms)
    app = Guard(app, access, Identities(access.teams_by_token, accounts, time.clock))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return Front(httpx.AsyncClient(transport=transport, base_url="http://localhost"), accounts, time)
