"""The API keys of one team, in the two places where they can be had. Import it late."""

import os
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Protocol, TypeVar

from cstar_cli import config
from cstar_cli.api_keys import new_api_key
from cstar_cli.client.answers import read
from cstar_cli.client.api import ApiClient
from cstar_cli.client.connect import client_for
from cstar_cli.clock import now_ms
from cstar_cli.cloud.store.accounts import ApiKey as StoredKey
from cstar_cli.cloud.store.interface import Accounts
from cstar_cli.cloud.store.open import open_store
from cstar_cli.cloud.store.queries import MAX_PAGE_SIZE, Page
from cstar_cli.cloud.store.sqlite.lock import DatabaseInUse
from cstar_cli.commands.loop import run_async
from cstar_cli.commands.noting import note, note_list
from cstar_cli.commands.saying import say_aside
from cstar_cli.commands.service_options import database_of
from cstar_cli.errors import CstarError
from cstar_cli.events.envelope import iso_ms, new_id
from cstar_cli.resources import ApiKey, Deleted

T = TypeVar("T")


class Keys(Protocol):
    """The API keys of one team."""

    team_id: str

    def create(self, name: str, read_only: bool) -> ApiKey: ...

    def all(self) -> Sequence[ApiKey]: ...

    def revoke(self, key_id: str) -> bool: ...


class KeysOfCloud:
    """The keys of the profile's team, asked of the cloud at an address."""

    def __init__(self, api_base: str) -> None:
        self._base = config.api_base(api_base)
        self._home = config.home(os.environ)
        self._credentials = config.credentials(self._base, os.environ, self._home)
        self.team_id = self._credentials.team_id

    def create(self, name: str, read_only: bool) -> ApiKey:
        with self._client() as client:
            made = client.post("/api-keys", {"name": name, "readOnly": read_only}, ApiKey)
        note(self._home, self._base, made)
        return made

    def all(self) -> Sequence[ApiKey]:
        with self._client() as client:
            found = [read(record, ApiKey, self._base) for record in client.records("/api-keys", {})]
        note_list(self._home, self._base, ApiKey, found)
        return found

    def revoke(self, key_id: str) -> bool:
        with self._client() as client:
            note(self._home, self._base, client.delete(f"/api-keys/{key_id}", Deleted))
        return True

    def _client(self) -> ApiClient:
        return client_for(self._base, self._credentials, say_aside)


class KeysOfStore:
    """The keys of a team, right in the database of a cloud."""

    def __init__(self, database: str, team_id: str) -> None:
        self.team_id = team_id
        self._place = database_of(database, Path())

    def create(self, name: str, read_only: bool) -> ApiKey:
        fresh = new_api_key(read_only)
        stored = StoredKey(new_id("key"), self.team_id, name, fresh.hash, fresh.hint, read_only, now_ms())
        return _as_resource(self._work(lambda accounts: accounts.create_key(stored)), fresh.key)

    def all(self) -> Sequence[ApiKey]:
        self._check_there()
        return [_as_resource(key) for key in self._work(self._all_of)]

    def revoke(self, key_id: str) -> bool:
        self._check_there()
        return self._work(lambda accounts: accounts.revoke_key(self.team_id, key_id))

    async def _all_of(self, accounts: Accounts) -> Sequence[StoredKey]:
        found: list[StoredKey] = []
        for number in count(1):
            page = await accounts.keys(self.team_id, Page(number, MAX_PAGE_SIZE))
            found += page[:MAX_PAGE_SIZE]
            if len(page) <= MAX_PAGE_SIZE:
                break
        return found

    def _check_there(self) -> None:
        """Refuse a file that isn't there, rather than make it."""
        if isinstance(self._place, Path) and not self._place.exists():
            raise CstarError(f"There is no database {self._place}: give the one that the cloud has.")

    def _work(self, ask: Callable[[Accounts], Awaitable[T]]) -> T:
        """Open the store for one question."""

        async def work() -> T:
            try:
                store = await open_store(self._place, now_ms=now_ms)
            except DatabaseInUse as error:
                raise CstarError(
                    f"A cloud runs on {self._place}: leave out --database, and that cloud is asked."
                ) from error
            try:
                return await ask(store.accounts)
            finally:
                await store.close()

        return run_async(work())


def _as_resource(stored: StoredKey, key: str | None = None) -> ApiKey:
    return ApiKey(stored.id, stored.name, stored.hint, stored.read_only, iso_ms(stored.created_at_ms), key)
