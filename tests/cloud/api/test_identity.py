import asyncio
import hmac
from collections.abc import Awaitable, Callable

import pytest

from cstar_cli.api_keys import new_api_key
from cstar_cli.cloud.api.identity import MOST_REMEMBERED, Identities, Identity
from cstar_cli.cloud.store.interface import StoreUnavailable

from .accounts import FakeAccounts, Time


def run(body: Callable[[Identities, FakeAccounts, Time], Awaitable[None]]) -> None:
    time = Time()
    accounts = FakeAccounts(time.now_ms)
    asyncio.run(_finished(body(Identities({"one": "team-1", "two": "team-2"}, accounts, time.clock), accounts, time)))


async def _finished(body: Awaitable[None]) -> None:
    await body


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer one two", "Token one", "Bearer \xe9", "Bearer one,Bearer one", "Bearer one\t"],
)
def test_what_is_no_known_token_is_nobody_s(authorization: str) -> None:
    async def check(identities: Identities, accounts: FakeAccounts, time: Time) -> None:
        assert await identities.identify(authorization) is None
        assert accounts.asked.total() == 0

    run(check)


def test_each_token_opens_its_team() -> None:
    async def check(identities: Identities, accounts: FakeAccounts, time: Time) -> None:
        assert await identities.identify("Bearer one") == Identity("team-1")
        assert await identities.identify("bEARER   two") == Identity("team-2")
        assert accounts.asked.total() == 0

    run(check)


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return False

    async def check(identities: Identities, accounts: FakeAccounts, time: Time) -> None:
        assert await identities.identify("Bearer guess") is None
        assert compared == [(b"one", b"guess"), (b"two", b"guess")]

    monkeypatch.setattr(hmac, "compare_digest", compare)
    run(check)


def test_a_key_is_its_team_s() -> None:
    async def check(identities: Identities, accounts: FakeAccounts, time: Time) -> None:
        id, key = accounts.add_key(team_id="team-3", read_only=True, name="dashboard")
        assert await identities.identify(f"Bearer {key}") == Identity("team-3", id, "dashboard", read_only=True)

    run(check)


def test_a_key_is_looked_up_once_in_5_seconds() -> None:
    async def check(identities: Identities, accounts: FakeAccounts, time: Time) -> None:
        _, key = accounts.add_key()
        for now_s in (0.0, 1.0, 4.9, 5.0, 9.9):
            time.now_s = now_s
            assert await identities.identify(f"Bearer {key}")
        assert accounts.asked["find_key"] == 2

    run(check)


def test_a_revoked_key_opens_nothing_after_5_seconds() -> None:
    async def check(identities: Identities, accounts: FakeAccounts, time: Time) -> None:
        id, key = accounts.add_key()
        assert await identities.identify(f"Bearer {key}")
        await accounts.revoke_key("team-1", id)
        time.now_s += 5.0
        assert await identities.identify(f"Bearer {key}") is None

    run(check)


def test_a_fresh_key_opens_after_a_second_though_it_was_tried_before() -> None:
    async def check(identities: Identities, accounts: FakeAccounts, time: Time) -> None:
        id, key = accounts.add_key()
        stored = accounts.stored.pop(id)
        for _ in range(10):
            assert await identities.identify(f"Bearer {key}") is None
        assert accounts.asked["find_key"] == 1
        accounts.stored[id] = stored
        time.now_s += 1.0
        assert await identities.identify(f"Bearer {key}")

    run(check)


def test_guessing_takes_little_room_and_pushes_no_key_out() -> None:
    async def check(identities: Identities, accounts: FakeAccounts, time: Time) -> None:
        _, key = accounts.add_key()
        assert await identities.identify(f"Bearer {key}")
        for _ in range(MOST_REMEMBERED + 10):
            assert await identities.identify(f"Bearer {new_api_key(False).key}") is None
        asked = accounts.asked["find_key"]
        assert await identities.identify(f"Bearer {key}")
        assert accounts.asked["find_key"] == asked

    run(check)


def test_a_store_that_is_away_says_nothing_about_a_key() -> None:
    async def check(identities: Identities, accounts: FakeAccounts, time: Time) -> None:
        _, key = accounts.add_key()
        accounts.away = True
        with pytest.raises(StoreUnavailable):
            await identities.identify(f"Bearer {key}")
        assert await identities.identify("Bearer one")
        accounts.away = False
        assert await identities.identify(f"Bearer {key}")

    run(check)
