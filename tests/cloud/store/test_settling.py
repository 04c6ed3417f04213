"""Outcomes: recorded once, by whoever has the session now."""

import asyncio

import pytest

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.queries import AttemptQuery
from cstar_cli.events.filters import EventFilter

from .making import T0_MS, TEAM, URL, OpenStore, Within, delivered, event, outcome, session


@pytest.mark.parametrize(
    ("status", "becomes"), [(200, "succeeded"), (204, "succeeded"), (301, "failed"), (500, "failed"), (None, "failed")]
)
def test_an_outcome_ends_its_delivery(within: Within[None], status: int | None, becomes: str) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        assert list(await store.settle(to, [outcome(delivery, status)])) == [delivery.id]
        now = await store.delivery(TEAM, delivery.id)
        assert now
        assert (now.status, now.attempt_count, now.next_attempt_at_ms) == (becomes, 1, None)

    within(check)


def test_an_attempt_is_kept_whole(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await store.settle(to, [outcome(delivery, None, error="timed out after 10 s")])
        [exchange] = await store.exchanges_of(delivery.id)
        attempt = exchange.attempt
        assert (attempt.delivery_id, attempt.event_id, attempt.event_type) == (
            delivery.id,
            delivery.event_id,
            "ticket.created",
        )
        assert (attempt.attempt, attempt.target, attempt.url) == (1, to.id, URL)
        assert (attempt.status, attempt.outcome, attempt.error) == (None, "failed", "timed out after 10 s")
        assert (attempt.started_at_ms, attempt.duration_ms, attempt.next_attempt_at_ms) == (T0_MS, 4.2, None)
        assert exchange.request_headers == (("x-cstar-event", "ticket.created"),)
        assert exchange.response_headers == (("Content-Type", "text/plain"), ("X-Twice", "1"), ("X-Twice", "2"))
        assert exchange.response_body == b"ok\x00\xff"

    within(check)


def test_an_outcome_reported_twice_is_recorded_once(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        for _ in range(3):
            assert list(await store.settle(to, [outcome(delivery)])) == [delivery.id]
        assert len(await store.exchanges_of(delivery.id)) == 1

    within(check)


def test_an_outcome_reported_twice_in_one_report_is_recorded_once(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        assert set(await store.settle(to, [outcome(delivery), outcome(delivery)])) == {delivery.id}
        assert len(await store.exchanges_of(delivery.id)) == 1

    within(check)


def test_the_first_outcome_stands(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await store.settle(to, [outcome(delivery, 500)])
        await store.settle(to, [outcome(delivery, 200)])
        now = await store.delivery(TEAM, delivery.id)
        assert now
        assert now.status == "failed"

    within(check)


def test_an_outcome_reported_before_is_recognised_in_a_later_epoch(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await store.settle(to, [outcome(delivery)])
        resumed = await store.resume_session(to.id, TEAM, EventFilter.parse(()), URL)
        assert resumed
        assert list(await store.settle(resumed, [outcome(delivery)])) == [delivery.id]

    within(check)


def test_an_outcome_from_a_stale_epoch_is_left_out(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        stale = await session(store)
        delivery = await delivered(store)
        resumed = await store.resume_session(stale.id, TEAM, EventFilter.parse(()), URL)
        assert resumed
        assert list(await store.settle(stale, [outcome(delivery)])) == []
        assert list(await store.exchanges_of(delivery.id)) == []
        assert list(await store.settle(resumed, [outcome(delivery)])) == [delivery.id]

    within(check)


def test_an_outcome_for_an_ended_session_is_left_out(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        await store.end_session(to, "over")
        assert list(await store.settle(to, [outcome(delivery)])) == []

    within(check)


def test_an_outcome_for_anothers_delivery_is_left_out(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await session(store)
        delivery = await delivered(store)
        stranger = await session(store)
        assert list(await store.settle(stranger, [outcome(delivery)])) == []
        now = await store.delivery(TEAM, delivery.id)
        assert now
        assert now.status == "pending"

    within(check)


def test_an_outcome_for_an_unknown_delivery_is_left_out(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        assert list(await store.settle(await session(store), [outcome("dlv_none")])) == []

    within(check)


def test_an_outcome_of_an_attempt_that_was_not_asked_for_is_left_out(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        delivery = await delivered(store)
        assert list(await store.settle(to, [outcome(delivery, attempt=2)])) == []

    within(check)


def test_what_is_left_out_does_not_hinder_the_others(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        first, second = await delivered(store), await delivered(store)
        report = [outcome(first), outcome("dlv_none"), outcome(second, 404)]
        assert list(await store.settle(to, report)) == [first.id, second.id]

    within(check)


def test_no_outcomes_settle_nothing(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        assert list(await store.settle(await session(store), [])) == []

    within(check)


def test_attempts_are_logged_in_the_order_of_the_report(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        deliveries = [await delivered(store) for _ in range(4)][::-1]
        await store.settle(to, [outcome(delivery) for delivery in deliveries])
        attempts, _ = await store.attempts_after(TEAM, AttemptQuery(), "0", 10)
        assert [attempt.delivery_id for attempt in attempts] == [delivery.id for delivery in deliveries]

    within(check)


def test_many_reports_at_once_are_each_recorded_once(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        deliveries = [delivery for _ in range(50) for delivery in await store.append_event(event())]
        await asyncio.gather(*(store.settle(to, [outcome(delivery)]) for delivery in deliveries * 3))
        attempts, _ = await store.attempts_after(TEAM, AttemptQuery(), "0", 1000)
        assert sorted(attempt.delivery_id for attempt in attempts) == sorted(delivery.id for delivery in deliveries)

    within(check)


def test_a_settled_delivery_stays_settled_after_a_restart(open_store: OpenStore) -> None:
    async def check() -> None:
        async with open_store() as store:
            to = await session(store)
            delivery = await delivered(store)
            await store.settle(to, [outcome(delivery)])
        async with open_store() as store:
            now = await store.delivery(TEAM, delivery.id)
            assert now
            assert now.status == "succeeded"
            assert len(await store.exchanges_of(delivery.id)) == 1

    asyncio.run(check())
