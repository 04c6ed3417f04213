"""What fails at a session that retries: it stays pending for its wait, and is pushed again when that is over."""

import asyncio
from collections.abc import Sequence

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.records import Delivery, Retry, Session, Settled
from cstar_cli.events.filters import EventFilter

from .making import (
    TEAM,
    URL,
    Clock,
    OpenStore,
    Within,
    claimed,
    delivered,
    due_ids,
    due_to,
    ids,
    logged,
    now,
    outcome,
    session,
    wait_ms,
    webhook,
)

WAITS_MS = (1000, 5000, 30_000)
FOREVER_MS = 10**10


async def failed(
    store: Store, to: Session, delivery: Delivery, *, attempt: int = 1, waits_ms: Sequence[int] = WAITS_MS
) -> Settled:
    return await store.settle(to, [outcome(delivery, 500, attempt=attempt)], {delivery.id: waits_ms})


def test_a_failure_that_is_retried_leaves_its_delivery_pending_until_then(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        at_ms = clock.now_ms + 1000
        assert await failed(store, to, delivery) == {delivery.id: Retry(at_ms, 1000)}
        kept = await now(store, delivery)
        assert (kept.status, kept.attempt_count, kept.next_attempt_at_ms) == ("pending", 1, at_ms)
        [attempt] = await logged(store)
        assert (attempt.attempt, attempt.outcome, attempt.next_attempt_at_ms) == (1, "failed", at_ms)

    within(check)


def test_it_is_due_when_its_time_has_come_as_the_next_attempt(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await failed(store, to, delivery)
        assert (await due_ids(store, to), await wait_ms(store, to)) == ([], 1000)
        await clock.advance(999)
        assert (await due_ids(store, to), await wait_ms(store, to)) == ([], 1)
        await clock.advance(1)
        [due] = await due_to(store, to)
        assert (due.id, due.attempt) == (delivery.id, 2)
        assert await due_ids(store, to, without=[delivery.id]) == []
        assert await wait_ms(store, to) is None

    within(check)


def test_each_retry_has_its_wait_and_after_the_last_one_it_fails(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        for attempt, wait in enumerate(WAITS_MS, 1):
            settled = await failed(store, to, delivery, attempt=attempt)
            assert settled == {delivery.id: Retry(clock.now_ms + wait, wait)}
            await clock.advance(wait)
        assert await failed(store, to, delivery, attempt=4) == {delivery.id: None}
        kept = await now(store, delivery)
        assert (kept.status, kept.attempt_count, kept.next_attempt_at_ms) == ("failed", 4, None)
        assert [attempt.next_attempt_at_ms is None for attempt in await logged(store)] == [False, False, False, True]
        assert await due_ids(store, to) == []

    within(check)


def test_a_success_ends_it(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await failed(store, to, delivery)
        await clock.advance(1000)
        assert await store.settle(to, [outcome(delivery, 200, attempt=2)]) == {delivery.id: None}
        kept = await now(store, delivery)
        assert (kept.status, kept.attempt_count, kept.next_attempt_at_ms) == ("succeeded", 2, None)
        await clock.advance(FOREVER_MS)
        assert (await due_ids(store, to), await wait_ms(store, to)) == ([], None)

    within(check)


def test_a_success_is_no_failure_whatever_would_be_waited(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        assert await store.settle(to, [outcome(delivery)], {delivery.id: WAITS_MS}) == {delivery.id: None}
        assert (await now(store, delivery)).status == "succeeded"

    within(check)


def test_of_one_report_each_goes_its_own_way(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        good, final, again = [await delivered(store) for _ in range(3)]
        report = [outcome(good), outcome(final, 404), outcome(again, 503)]
        settled = await store.settle(to, report, {again.id: WAITS_MS})
        assert settled == {good.id: None, final.id: None, again.id: Retry(clock.now_ms + 1000, 1000)}
        states = [(await now(store, one)).status for one in (good, final, again)]
        assert states == ["succeeded", "failed", "pending"]

    within(check)


def test_an_outcome_told_again_says_when_the_next_attempt_is(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        first = await failed(store, to, delivery)
        await clock.advance(400)
        assert await failed(store, to, delivery) == {delivery.id: Retry(clock.now_ms + 600, 600)}
        await clock.advance(1000)
        assert await store.settle(to, [outcome(delivery, 500)]) == {delivery.id: Retry(clock.now_ms - 400, 0)}
        assert first.keys() == {delivery.id}
        assert len(await logged(store)) == 1

    within(check)


def test_retries_that_are_due_go_among_the_fresh_in_the_order_of_their_making(
    within: Within[None], clock: Clock
) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        first, second, third, late = [await delivered(store) for _ in range(4)]
        await failed(store, to, late, waits_ms=[60_000])
        await failed(store, to, third)
        await failed(store, to, first)
        fresh = await delivered(store)
        assert await due_ids(store, to) == [second.id, fresh.id]
        await clock.advance(1000)
        assert await due_ids(store, to) == [first.id, second.id, third.id, fresh.id]
        assert ids(await due_to(store, to, limit=2)) == [first.id, second.id]
        assert ids(await due_to(store, to, [second.id], most_bytes=3)) == [first.id]
        assert await wait_ms(store, to) == 59_000

    within(check)


def test_what_was_tried_before_is_no_part_of_the_backlog(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        tried, held, untried = [await delivered(store) for _ in range(3)]
        await failed(store, to, tried)
        assert (await store.backlog(to, ())).count == 2
        assert (await store.backlog(to, [tried.id, held.id])).count == 1
        assert set(await store.still_pending(to, ids([tried, untried]))) == {tried.id, untried.id}

    within(check)


def test_the_queue_of_the_webhooks_is_none_of_its_business(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await webhook(store)
        await failed(store, to, delivery)
        await clock.advance(2000)
        found = await claimed(store)
        assert (found.claims, found.wait_ms) == ([], None)
        stats = await store.queue.stats()
        assert (stats.pending, stats.due) == (0, 0)

    within(check)


def test_a_session_that_goes_on_elsewhere_keeps_its_retries(open_store: OpenStore, clock: Clock) -> None:
    async def check() -> None:
        async with open_store() as store:
            to = await session(store)
            delivery = await delivered(store)
            await failed(store, to, delivery)
        async with open_store() as store:
            resumed = await store.resume_session(to.id, TEAM, EventFilter.parse(()), URL)
            assert resumed
            assert await wait_ms(store, resumed) == 1000
            await clock.advance(1000)
            assert await due_ids(store, resumed) == [delivery.id]

    asyncio.run(check())


def test_what_waits_for_a_retry_fails_with_its_session(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        tried, untried = await delivered(store), await delivered(store)
        await failed(store, to, tried)
        await store.end_session(to, "over")
        for one, attempts in ((tried, 2), (untried, 1)):
            kept = await now(store, one)
            assert (kept.status, kept.attempt_count, kept.next_attempt_at_ms) == ("failed", attempts, None)
        assert [(one.delivery_id, one.error) for one in (await logged(store))[1:]] == [
            (tried.id, "over"),
            (untried.id, "over"),
        ]

    within(check)


def test_a_retry_by_hand_does_not_wait_and_its_schedule_goes_on(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await failed(store, to, delivery)
        wake = store.wakeups.join(to.id)
        wake.clear()
        await store.queue.retry(TEAM, delivery.id)
        assert wake.is_set()
        [due] = await due_to(store, to)
        assert (due.id, due.attempt) == (delivery.id, 2)
        settled = await failed(store, to, delivery, attempt=2)
        assert settled == {delivery.id: Retry(clock.now_ms + 5000, 5000)}

    within(check)


def test_a_retry_by_hand_of_what_has_failed_has_a_fresh_schedule(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await failed(store, to, delivery, waits_ms=[])
        assert (await now(store, delivery)).status == "failed"
        await store.queue.retry(TEAM, delivery.id)
        settled = await failed(store, to, delivery, attempt=2)
        assert settled == {delivery.id: Retry(clock.now_ms + 1000, 1000)}

    within(check)


def test_what_waits_for_a_retry_can_be_canceled(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await failed(store, to, delivery)
        await store.queue.cancel(TEAM, delivery.id, "canceled")
        kept = await now(store, delivery)
        assert (kept.status, kept.attempt_count) == ("canceled", 2)
        await clock.advance(FOREVER_MS)
        assert (await due_ids(store, to), await wait_ms(store, to)) == ([], None)

    within(check)


def test_no_wait_is_longer_than_it_may_be_however_the_clock_was_set(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        late, soon = await delivered(store), await delivered(store)
        await failed(store, to, late, waits_ms=[60_000])
        await failed(store, to, soon, waits_ms=[10])
        wake = store.wakeups.join(to.id)
        wake.clear()
        await store.queue.cap_waits(60_000)
        assert not wake.is_set()
        await store.queue.cap_waits(2000)
        assert wake.is_set()
        assert (await now(store, late)).next_attempt_at_ms == clock.now_ms + 2000
        assert (await now(store, soon)).next_attempt_at_ms == clock.now_ms + 10

    within(check)
