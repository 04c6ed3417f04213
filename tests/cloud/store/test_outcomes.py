"""What comes of posts to webhooks: recorded whole, and tried again when asked."""

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.records import AttemptOutcome
from cstar_cli.cloud.store.webhooks import Settlement

from .making import (
    MINUTE_MS,
    NEVER_MS,
    T0_MS,
    WEBHOOK_URL,
    Clock,
    Within,
    claimed,
    claimed_one,
    delivered,
    logged,
    now,
    posted,
    settled,
    settlement,
    webhook,
)


def test_an_attempt_is_kept_whole(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await webhook(store)
        delivery = await delivered(store)
        claim = await claimed_one(store)
        outcome = AttemptOutcome(
            delivery_id=delivery.id,
            attempt=1,
            succeeded=False,
            status=503,
            error="the receiver answered 503",
            started_at_ms=T0_MS + 3,
            duration_ms=12.5,
            request_headers=(("x-cstar-event", "ticket.created"),),
            response_headers=(("Retry-After", "7"),),
            response_body=b"\x00\xff",
            error_class="status",
            connect_ms=1.5,
            first_byte_ms=12.25,
        )
        await store.queue.settle([Settlement(outcome, claim.lease, MINUTE_MS)], NEVER_MS)
        [exchange] = await store.exchanges_of(delivery.id)
        attempt = exchange.attempt
        assert (attempt.delivery_id, attempt.event_id) == (delivery.id, delivery.event_id)
        assert (attempt.event_type, attempt.attempt, attempt.target) == ("ticket.created", 1, to.id)
        assert (attempt.url, attempt.status, attempt.outcome) == (WEBHOOK_URL, 503, "failed")
        assert (attempt.error, attempt.started_at_ms) == ("the receiver answered 503", T0_MS + 3)
        assert (attempt.duration_ms, attempt.next_attempt_at_ms) == (12.5, T0_MS + MINUTE_MS)
        assert exchange.request_headers == (("x-cstar-event", "ticket.created"),)
        assert exchange.response_headers == (("Retry-After", "7"),)
        assert exchange.response_body == b"\x00\xff"
        assert (exchange.error_class, exchange.connect_ms, exchange.first_byte_ms) == ("status", 1.5, 12.25)

    within(check)


def test_a_success_ends_the_delivery(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        await posted(store, 204)
        after = await now(store, delivery)
        assert (after.status, after.attempt_count, after.next_attempt_at_ms) == ("succeeded", 1, None)
        assert (await claimed(store)).wait_ms is None

    within(check)


def test_a_failure_waits_for_its_retry_from_the_moment_it_is_settled(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        claim = await claimed_one(store)
        await clock.advance(7000)
        await settled(store, claim, 500, retry_in_ms=MINUTE_MS)
        after = await now(store, delivery)
        assert (after.status, after.attempt_count) == ("pending", 1)
        assert after.next_attempt_at_ms == T0_MS + 7000 + MINUTE_MS
        await clock.advance(MINUTE_MS - 1)
        assert list((await claimed(store)).claims) == []
        await clock.advance(1)
        again = await claimed_one(store)
        assert (again.delivery_id, again.attempt, again.retries) == (delivery.id, 2, 1)
        assert again.body == claim.body

    within(check)


def test_a_failure_without_retry_is_for_good(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        await posted(store, None)
        after = await now(store, delivery)
        assert (after.status, after.attempt_count, after.next_attempt_at_ms) == ("failed", 1, None)
        assert (await claimed(store)).wait_ms is None

    within(check)


def test_each_attempt_stands_in_the_log(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        delivery = await delivered(store)
        for status, retry_in_ms in ((500, 10), (404, 20), (200, None)):
            await posted(store, status, retry_in_ms=retry_in_ms)
            await clock.advance(20)
        attempts = await logged(store)
        assert [(one.attempt, one.status, one.outcome) for one in attempts] == [
            (1, 500, "failed"),
            (2, 404, "failed"),
            (3, 200, "succeeded"),
        ]
        assert [one.attempt.attempt for one in await store.exchanges_of(delivery.id)] == [1, 2, 3]

    within(check)


def test_each_of_a_batch_is_recorded_with_its_own_values(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await webhook(store)
        for _ in range(4):
            await delivered(store)
        claims = (await claimed(store)).claims
        made = [
            settlement(claims[0]),
            settlement(claims[1], None, error="refused", retry_in_ms=1000),
            settlement(claims[2], 500, error="answered 500"),
            settlement(claims[3]),
        ]
        await store.queue.settle(made, NEVER_MS)
        shown = [(one.delivery_id, one.status, one.error, one.next_attempt_at_ms) for one in await logged(store)]
        assert shown == [
            (claims[0].delivery_id, 200, None, None),
            (claims[1].delivery_id, None, "refused", T0_MS + 1000),
            (claims[2].delivery_id, 500, "answered 500", None),
            (claims[3].delivery_id, 200, None, None),
        ]

    within(check)
