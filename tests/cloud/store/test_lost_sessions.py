"""Sessions that nobody comes back to: they end after their grace, and what they haven't answered fails."""

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.wakeups import attempts_of

from .making import EVERYTHING, TEAM, URL, Clock, Within, delivered, due_ids, event, logged, now, session

GRACE_MS = 120_000


async def sweep(store: Store) -> int:
    return await store.end_lost_sessions(GRACE_MS, "the listener stayed away")


def test_a_session_that_was_left_ends_once_its_grace_is_over(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        left = await session(store)
        delivery = await delivered(store)
        await clock.advance(1_000_000)
        await store.leave_session(left)
        await clock.advance(GRACE_MS - 1)
        assert await sweep(store) == 0
        await clock.advance(1)
        wake = store.wakeups.join(attempts_of(TEAM))
        wake.clear()
        assert await sweep(store) == 1
        assert wake.is_set()
        assert await sweep(store) == 0
        assert (await now(store, delivery)).status == "failed"
        assert [attempt.error for attempt in await logged(store)] == ["the listener stayed away"]
        assert await store.resume_session(left.id, TEAM, EVERYTHING, URL) is None

    within(check)


def test_a_session_that_is_connected_does_not_end(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await session(store)
        assert await sweep(store) == 0
        assert len(await store.append_event(event())) == 1

    within(check)


def test_a_session_gets_deliveries_during_its_grace(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        left = await session(store)
        await store.leave_session(left)
        delivery = await delivered(store)
        await clock.advance(GRACE_MS - 1)
        resumed = await store.resume_session(left.id, TEAM, EVERYTHING, URL)
        assert resumed
        await clock.advance(GRACE_MS - 1)
        assert await sweep(store) == 0
        assert await due_ids(store, resumed) == [delivery.id]

    within(check)


def test_a_connection_of_the_past_can_not_leave_the_session(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        opened = await session(store)
        resumed = await store.resume_session(opened.id, TEAM, EVERYTHING, URL)
        assert resumed
        await store.leave_session(opened)
        await clock.advance(GRACE_MS - 1)
        assert await sweep(store) == 0
        await store.leave_session(resumed)
        await clock.advance(GRACE_MS - 1)
        assert await sweep(store) == 0
        await clock.advance(1)
        assert await sweep(store) == 1

    within(check)


def test_leaving_twice_does_not_prolong_the_grace(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        left = await session(store)
        await store.leave_session(left)
        await clock.advance(GRACE_MS)
        await store.leave_session(left)
        assert await sweep(store) == 1

    within(check)


def test_all_who_are_lost_end_together(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        lost = [await session(store) for _ in range(5)]
        for one in lost:
            await store.leave_session(one)
        await clock.advance(GRACE_MS)
        kept = await session(store)
        assert await sweep(store) == 5
        assert [delivery.target for delivery in await store.append_event(event())] == [kept.id]

    within(check)


def test_a_session_that_has_ended_says_since_when_it_was_left(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        left, said_goodbye = await session(store), await session(store)
        await store.end_session(said_goodbye, "over")
        left_at_ms = clock.now_ms
        await store.leave_session(left)
        assert await store.missed_since(left.id, TEAM, 0) is None
        await clock.advance(GRACE_MS)
        await store.end_lost_sessions(GRACE_MS, "lost")
        assert await store.missed_since(left.id, TEAM, 0) == left_at_ms
        assert await store.missed_since(left.id, "team-2", 0) is None
        assert await store.missed_since(said_goodbye.id, TEAM, 0) is None

    within(check)
