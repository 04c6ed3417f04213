"""API keys, what they may still ask, and answers that are given again."""

import asyncio

from msgspec.structs import replace

from cstar_cli.cloud.store.accounts import ApiKey, Begun, StoredAnswer
from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.queries import Page

from .making import T0_MS, TEAM, Clock, OpenStore, Within

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PATIENCE_MS = 60_000
ANSWER = StoredAnswer(201, b'{"success":true}\x00')


def key(number: int = 1, team_id: str = TEAM, *, read_only: bool = False) -> ApiKey:
    return ApiKey(f"key_{number}", team_id, f"key {number}", f"hash-{number}", "sk_live_abcd…wxyz", read_only, T0_MS)


async def begin(store: Store, *, team_id: str = TEAM, fingerprint: str = "print", seed: str = "seed") -> Begun:
    return await store.accounts.begin(team_id, "a-key", fingerprint, seed, PATIENCE_MS)


# keys


def test_a_key_is_found_by_its_hash(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        for made in (key(1), key(2, read_only=True)):
            assert await store.accounts.create_key(made) == made
            assert await store.accounts.find_key(made.hash) == made
        assert await store.accounts.find_key("hash-3") is None

    within(check)


def test_a_key_is_made_once(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = await store.accounts.create_key(key())
        assert await store.accounts.create_key(replace(key(), name="again", hash="other")) == made
        assert list(await store.accounts.keys(TEAM, Page())) == [made]

    within(check)


def test_a_teams_keys_come_newest_first(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        for number in (1, 2, 3):
            await store.accounts.create_key(key(number))
        await store.accounts.create_key(key(4, "team-2"))
        assert [one.id for one in await store.accounts.keys(TEAM, Page())] == ["key_3", "key_2", "key_1"]
        assert list(await store.accounts.keys("team-3", Page())) == []
        first, second = [await store.accounts.keys(TEAM, Page(number, 2)) for number in (1, 2)]
        assert [one.id for one in first] == ["key_3", "key_2", "key_1"], "the page, and the one after it"
        assert [one.id for one in second] == ["key_1"]

    within(check)


def test_a_revoked_key_is_none(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        for number in (1, 2):
            await store.accounts.create_key(key(number))
        assert not await store.accounts.revoke_key("team-2", "key_1")
        assert await store.accounts.find_key("hash-1")
        assert await store.accounts.revoke_key(TEAM, "key_1")
        assert not await store.accounts.revoke_key(TEAM, "key_1")
        assert await store.accounts.find_key("hash-1") is None
        assert [one.id for one in await store.accounts.keys(TEAM, Page())] == ["key_2"]

    within(check)


# allowances


def test_a_key_may_ask_so_often_in_a_window(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        taken = [await store.accounts.allow("key_1", HOUR_MS, 5, 2) for _ in range(4)]
        assert [(one.granted, one.used) for one in taken] == [(2, 2), (2, 4), (1, 5), (0, 5)]
        assert {one.reset_in_ms for one in taken} == {taken[0].reset_in_ms}
        assert 0 < taken[0].reset_in_ms <= HOUR_MS

    within(check)


def test_the_next_window_begins_anew(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        first = await store.accounts.allow("key_1", HOUR_MS, 5, 5)
        await clock.advance(first.reset_in_ms - 1)
        last = await store.accounts.allow("key_1", HOUR_MS, 5, 1)
        assert (last.granted, last.reset_in_ms) == (0, 1)
        await clock.advance(1)
        fresh = await store.accounts.allow("key_1", HOUR_MS, 5, 3)
        assert (fresh.granted, fresh.used, fresh.reset_in_ms) == (3, 3, HOUR_MS)

    within(check)


def test_each_key_has_a_window_of_its_own(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await store.accounts.allow("key_1", HOUR_MS, 5, 5)
        assert (await store.accounts.allow("key_2", HOUR_MS, 5, 5)).granted == 5

    within(check)


def test_a_lowered_limit_grants_nothing_more(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await store.accounts.allow("key_1", HOUR_MS, 10, 10)
        lowered = await store.accounts.allow("key_1", HOUR_MS, 5, 1)
        assert (lowered.granted, lowered.used) == (0, 10)

    within(check)


def test_many_at_once_get_no_more_than_the_limit(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        taken = await asyncio.gather(*(store.accounts.allow("key_1", HOUR_MS, 30, 2) for _ in range(40)))
        assert sum(one.granted for one in taken) == 30

    within(check)


# answers


def test_the_first_request_is_done_and_its_answer_given_again(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        assert await begin(store, seed="first") == Begun(mine=True, same=True, seed="first", answer=None)
        assert await begin(store, seed="second") == Begun(mine=False, same=True, seed="first", answer=None)
        await store.accounts.finish(TEAM, "a-key", ANSWER)
        assert await begin(store, seed="third") == Begun(mine=False, same=True, seed="first", answer=ANSWER)

    within(check)


def test_of_many_at_once_one_does_it(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        begun = await asyncio.gather(*(begin(store, seed=f"seed-{number}") for number in range(30)))
        assert sum(one.mine for one in begun) == 1
        assert len({one.seed for one in begun}) == 1

    within(check)


def test_another_request_under_the_same_key_is_told_apart(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await begin(store)
        other = await begin(store, fingerprint="other")
        assert (other.mine, other.same) == (False, False)
        await store.accounts.finish(TEAM, "a-key", ANSWER)
        other = await begin(store, fingerprint="other")
        assert (other.mine, other.same) == (False, False)

    within(check)


def test_another_teams_key_is_another(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await begin(store)
        await store.accounts.finish(TEAM, "a-key", ANSWER)
        assert (await begin(store, team_id="team-2")).mine

    within(check)


def test_who_takes_too_long_is_dead_and_the_next_does_it_with_the_same_seed(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await begin(store, seed="first")
        await clock.advance(PATIENCE_MS - 1)
        assert not (await begin(store)).mine
        await clock.advance(1)
        assert await begin(store, seed="second") == Begun(mine=True, same=True, seed="first", answer=None)
        assert not (await begin(store)).mine

    within(check)


def test_another_request_never_takes_over(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await begin(store)
        await clock.advance(PATIENCE_MS)
        other = await begin(store, fingerprint="other")
        assert (other.mine, other.same) == (False, False)

    within(check)


def test_the_first_answer_stands(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await begin(store)
        await store.accounts.finish(TEAM, "a-key", ANSWER)
        await store.accounts.finish(TEAM, "a-key", StoredAnswer(200, b"later"))
        await store.accounts.abandon(TEAM, "a-key")
        assert (await begin(store)).answer == ANSWER

    within(check)


def test_an_abandoned_request_is_done_at_once_when_it_comes_again_with_the_same_seed(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await begin(store, seed="first")
        await store.accounts.abandon(TEAM, "a-key")
        other = await begin(store, fingerprint="other")
        assert (other.mine, other.same) == (False, False)
        assert await begin(store, seed="second") == Begun(mine=True, same=True, seed="first", answer=None)
        assert not (await begin(store)).mine

    within(check)


def test_a_day_later_the_key_is_free_again(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await begin(store)
        await store.accounts.finish(TEAM, "a-key", ANSWER)
        await clock.advance(DAY_MS - 1)
        assert (await begin(store)).answer == ANSWER
        await clock.advance(1)
        assert await begin(store, fingerprint="other", seed="new") == Begun(True, True, "new", None)

    within(check)


def test_keys_and_answers_outlive_a_restart(open_store: OpenStore) -> None:
    async def check() -> None:
        async with open_store() as store:
            await store.accounts.create_key(key())
            await store.accounts.allow("key_1", HOUR_MS, 5, 5)
            await begin(store)
            await store.accounts.finish(TEAM, "a-key", ANSWER)
        async with open_store() as store:
            assert await store.accounts.find_key("hash-1") == key()
            assert (await store.accounts.allow("key_1", HOUR_MS, 5, 1)).granted == 0
            assert (await begin(store)).answer == ANSWER

    asyncio.run(check())
