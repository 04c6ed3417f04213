"""Who asks: whoever holds the home's own token, or an API key of a team."""

import hmac
from collections.abc import Callable, Mapping

import msgspec

from cstar_cli.api_keys import hash_of, is_api_key
from cstar_cli.cloud.store.interface import Accounts

HIT_S = 5.0
MISS_S = 1.0
MOST_REMEMBERED = 4096


class Identity(msgspec.Struct, frozen=True):
    """Whom a request comes from; `key_id` and `name` are None for the home's own token."""

    team_id: str
    key_id: str | None = None
    name: str | None = None
    read_only: bool = False


class Identities:
    """Tells whose a bearer token is.

    What the store says of a key counts for 5 s from when it was asked (1 s when it knows none), so that a key which is
    revoked opens nothing after that, on any node. `clock` is monotonic, in seconds.
    """

    def __init__(self, teams_by_token: Mapping[str, str], accounts: Accounts, clock: Callable[[], float]) -> None:
        self._identities = [(token.encode(), Identity(team_id)) for token, team_id in teams_by_token.items()]
        self._accounts = accounts
        self._clock = clock
        self._hits = _Recent()
        self._misses = _Recent()  # apart, so that guessing pushes no real key out

    def recall(self, authorization: str) -> Identity | None:
        """Return whose token the header holds, if that is known without asking the store."""
        token = _token(authorization)
        if token is None:
            return None
        ours = self._ours(token)
        if ours or not is_api_key(token):
            return ours
        recent = self._hits.get(hash_of(token), self._clock())
        return recent.identity if recent else None

    async def identify(self, authorization: str) -> Identity | None:
        """Return whose token the header holds. Raises StoreUnavailable when that can't be told now."""
        token = _token(authorization)
        if token is None:
            return None
        ours = self._ours(token)
        return await self._of_key(hash_of(token)) if ours is None and is_api_key(token) else ours

    def _ours(self, token: str) -> Identity | None:
        given = token.encode()
        for known, identity in self._identities:
            if hmac.compare_digest(known, given):
                return identity
        return None

    async def _of_key(self, hash: str) -> Identity | None:
        now = self._clock()
        recent = self._hits.get(hash, now) or self._misses.get(hash, now)
        if recent:
            return recent.identity
        key = await self._accounts.find_key(hash)
        if key is None:
            self._misses.put(hash, _Known(None, now + MISS_S))
            return None
        identity = Identity(key.team_id, key.id, key.name, key.read_only)
        self._hits.put(hash, _Known(identity, now + HIT_S))
        return identity


def _token(authorization: str) -> str | None:
    scheme, _, given = authorization.partition(" ")
    return given.strip(" ") if scheme.lower() == "bearer" else None


class _Known(msgspec.Struct, frozen=True):
    identity: Identity | None
    until: float


class _Recent:
    """What was learnt lately; of too much, the oldest goes."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def get(self, hash: str, now: float) -> _Known | None:
        known = self._known.get(hash)
        return known if known and now < known.until else None

    def put(self, hash: str, known: _Known) -> None:
        self._known.pop(hash, None)
        while len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[hash] = known
