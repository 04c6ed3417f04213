"""Wake-ups, many writers at once, and a store that is closed while it is busy."""

import asyncio

import pytest

from cstar_cli.cloud.store.interface import Conflict, Store, StoreUnavailable
from cstar_cli.cloud.store.queries import AttemptQuery
from cstar_cli.cloud.store.records import Backlog
from cstar_cli.cloud.store.wakeups import WEBHOOKS, attempts_of

from .making import TEAM, OpenStore, Within, delivered, due_ids, due_to, event, outcome, session


def test_a_session_is_woken_once_its_delivery_can_be_read(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        wake = store.wakeups.join(to.id)
        wake.clear()
        appending = asyncio.ensure_future(store.append_event(event()))
        await wake.wait()
        assert len(await due_ids(store, to)) == 1
        await appending

    within(check)


def test_who_follows_the_log_is_woken_once_an_attempt_can_be_read(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        wake = store.wakeups.join(attempts_of(TEAM))
        wake.clear()
        settling = asyncio.ensure_future(store.settle(to, [outcome(delivery)]))
        await wake.wait()
        assert len((await store.attempts_after(TEAM, AttemptQuery(), "0", 10))[0]) == 1
        await settling

    within(check)


def test_who_follows_the_log_is_woken_by_the_end_of_a_session(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        await delivered(store)
        wake = store.wakeups.join(attempts_of(TEAM))
        wake.clear()
        await store.end_session(to, "over")
        assert wake.is_set()

    within(check)


def test_whom_an_event_does_not_concern_is_not_woken(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        bosses, foreign = await session(store, "boss.*"), await session(store, team_id="team-2")
        wakes = [store.wakeups.join(topic) for topic in (bosses.id, foreign.id, attempts_of("team-2"))]
        for wake in wakes:
            wake.clear()
        to = await session(store)
        await store.settle(to, [outcome(await delivered(store))])
        assert not any(wake.is_set() for wake in wakes)

    within(check)


def test_what_fails_wakes_nobody(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        made = event()
        await store.append_event(made)
        wakes = [store.wakeups.join(topic) for topic in (to.id, WEBHOOKS)]
        for wake in wakes:
            wake.clear()
        with pytest.raises(Conflict):
            await store.queue.resend(TEAM, made.id, "ses_none")
        assert not any(wake.is_set() for wake in wakes)

    within(check)


def test_a_reader_that_follows_concurrent_writers_misses_nothing(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        sessions = [await session(store, url=f"http://localhost:{port}/") for port in range(3000, 3004)]
        expected: set[str] = set()

        async def write(number: int) -> None:
            for _ in range(10):
                for delivery in await store.append_event(event()):
                    expected.add(delivery.id)
                    [to] = [one for one in sessions if one.id == delivery.target]
                    await store.settle(to, [outcome(delivery)])

        async def follow() -> list[str]:
            wake = store.wakeups.join(attempts_of(TEAM))
            found: list[str] = []
            cursor = "0"
            while len(found) < 20 * 10 * len(sessions):
                await wake.wait()
                wake.clear()
                attempts, cursor = await store.attempts_after(TEAM, AttemptQuery(), cursor, 10_000)
                found += [attempt.delivery_id for attempt in attempts]
            return found

        following = asyncio.ensure_future(follow())
        await asyncio.gather(*map(write, range(20)))
        async with asyncio.timeout(20):
            found = await following
        assert len(found) == len(set(found))
        assert set(found) == expected

    within(check)


def test_a_pusher_that_leaves_out_what_it_has_misses_nothing(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        wake = store.wakeups.join(to.id)
        appending = asyncio.gather(*(store.append_event(event()) for _ in range(400)))
        found: list[str] = []
        async with asyncio.timeout(20):
            while len(found) < 400:
                await wake.wait()
                wake.clear()
                while due := await due_to(store, to, found, 7, 2**20):
                    found += [one.id for one in due]
        assert set(found) == {delivery.id for [delivery] in await appending}
        assert found == await due_ids(store, to)

    within(check)


def test_closing_a_busy_store_finishes_what_has_come_in(open_store: OpenStore) -> None:
    async def check() -> None:
        made = [event() for _ in range(200)]
        async with open_store() as store:
            appending = [asyncio.ensure_future(store.append_event(one)) for one in made]
            await asyncio.sleep(0)
        await asyncio.gather(*appending)
        async with open_store() as store:
            for one in made:
                assert await store.event(TEAM, one.id)

    asyncio.run(check())


def test_a_closed_store_says_that_it_is(open_store: OpenStore) -> None:
    async def check() -> None:
        async with open_store() as store:
            to = await session(store)
        with pytest.raises(StoreUnavailable, match="closed"):
            await store.append_event(event())
        with pytest.raises(StoreUnavailable, match="closed"):
            await due_to(store, to, (), 1, 1)

    asyncio.run(check())


def test_a_store_that_was_read_while_it_closed_answers_or_says_that_it_is_closed(open_store: OpenStore) -> None:
    async def check() -> None:
        async with open_store() as store:
            to = await session(store)
            reading = [asyncio.ensure_future(store.backlog(to, ())) for _ in range(50)]
            await asyncio.sleep(0)
        for answer in await asyncio.gather(*reading, return_exceptions=True):
            assert answer == Backlog() or isinstance(answer, StoreUnavailable)

    asyncio.run(check())
