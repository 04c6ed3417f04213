"""What is due is posted and settled, and no endpoint, fault of the store or fault of ours is in another's way."""

import asyncio
from itertools import pairwise

import pytest

from cstar_cli.cloud import dispatcher as dispatcher_module
from cstar_cli.cloud.dispatcher import LATEST_START_S, LEASE_BEYOND_TIMEOUT_S, LOOK_AGAIN_S, MOST_HELD
from cstar_cli.cloud.options import DeliveryPolicy
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.sender.outcome import Outcome

from ..tunnel.virtual_time import virtually
from .dispatching import Desk, answered, claim, dispatching, hanging_where_dead

MINUTE_S = 60.0


def now() -> float:
    return asyncio.get_running_loop().time()


async def failing(host: str, timeout_s: float) -> Outcome:
    return answered(500)


# posting


@virtually
async def test_what_is_due_is_posted_and_settled_and_reported() -> None:
    desk = Desk()
    async with dispatching(desk):
        desk.put(claim("a"), claim("b"))
        await desk.see(2)
        assert sorted(post.host for post in desk.posts) == ["a", "b"]
        assert desk.queue.recorded == desk.observed
        assert desk.queue.pending == 0


@virtually
async def test_it_goes_at_the_moment_that_it_is_due() -> None:
    desk = Desk()
    async with dispatching(desk):
        desk.put(claim("a"), due_in_s=1000.5)
        await desk.see(1)
        assert desk.posts[0].at == pytest.approx(1000.5, abs=0.02)


@virtually
async def test_a_wake_up_is_heard_while_it_waits_for_something_later() -> None:
    desk = Desk()
    async with dispatching(desk):
        desk.put(claim("later"), due_in_s=3600)
        await asyncio.sleep(1)
        desk.put(claim("now"))
        await desk.see(1)
        assert desk.posts[0].host == "now"
        assert desk.posts[0].at == pytest.approx(1)


@virtually
async def test_without_a_wake_up_it_looks_again_all_the_same() -> None:
    desk = Desk()
    async with dispatching(desk):
        await asyncio.sleep(1)
        desk.queue.put(claim("a"))
        await desk.see(1)
        assert desk.posts[0].at <= 1 + LOOK_AGAIN_S


@virtually
async def test_with_nothing_to_do_it_asks_seldom() -> None:
    desk = Desk()
    async with dispatching(desk):
        await asyncio.sleep(600)
        assert desk.queue.claims <= 600 / LOOK_AGAIN_S + 1


@virtually
async def test_a_queue_that_says_now_and_gives_nothing_is_not_asked_without_a_pause() -> None:
    desk = Desk()
    desk.queue.lying = True
    async with dispatching(desk):
        await asyncio.sleep(1)
        assert desk.queue.claims <= 101


@virtually
async def test_a_failure_is_tried_again_on_schedule_counted_from_the_end_of_the_attempt() -> None:
    async def slow(host: str, timeout_s: float) -> Outcome:
        await asyncio.sleep(4)
        return answered(500)

    desk = Desk(slow)
    async with dispatching(desk):
        desk.put(claim("a"))
        await desk.see(4)
        waits = [
            at - ended for ended, at in zip(desk.queue.settled_at, [post.at for post in desk.posts][1:], strict=False)
        ]
        assert waits == pytest.approx([1 * MINUTE_S, 5 * MINUTE_S, 30 * MINUTE_S], abs=0.05)
        assert min(waits) >= MINUTE_S
        assert len({post.delivery_id for post in desk.posts}) == 1
        await asyncio.sleep(24 * 3600)
        assert len(desk.posts) == 4


@virtually
async def test_a_webhook_of_2026_03_has_its_six_retries_each_counted_and_signed_anew() -> None:
    desk = Desk(failing)
    async with dispatching(desk):
        desk.put(claim("a", wire="2026-03", made_in="2026-03"))
        await asyncio.sleep(33 * 3600)
        waits = [later.at - earlier.at for earlier, later in pairwise(desk.posts)]
        assert waits == pytest.approx([30, 120, 600, 3600, 6 * 3600, 24 * 3600], abs=1)
        assert [post.headers["X-Delivery-Attempt"] for post in desk.posts] == ["1", "2", "3", "4", "5", "6", "7"]
        assert len({post.headers["X-Signature"] for post in desk.posts}) == 7
        assert desk.queue.pending == 0


@virtually
async def test_a_receiver_that_is_busy_is_left_alone_for_as_long_as_it_asks() -> None:
    async def busy(host: str, timeout_s: float) -> Outcome:
        return answered(503, ("Retry-After", "600"))

    desk = Desk(busy)
    async with dispatching(desk):
        desk.put(claim("a"))
        await desk.see(2)
        assert desk.posts[1].at == pytest.approx(600, abs=0.05)


@virtually
async def test_a_success_is_not_tried_again_whatever_it_asks_for() -> None:
    desk = Desk()
    async with dispatching(desk):
        desk.put(claim("a"))
        await asyncio.sleep(3600)
        assert len(desk.posts) == 1


# faults of ours


@virtually
async def test_a_delivery_that_breaks_the_sender_is_a_failed_attempt_and_the_others_go_on() -> None:
    async def broken(host: str, timeout_s: float) -> Outcome:
        if host == "bad":
            raise ValueError("a header value holds CR, LF or NUL")
        return answered()

    desk = Desk(broken)
    async with dispatching(desk):
        desk.put(claim("bad"), claim("good"))
        outcomes = {outcome.delivery_id: outcome for outcome in await desk.see(2)}
        assert outcomes["dlv_good_1"].succeeded
        assert (outcomes["dlv_bad_1"].error_class, outcomes["dlv_bad_1"].error) == (
            "internal",
            "the delivery could not be made: a header value holds CR, LF or NUL",
        )


@virtually
async def test_an_answer_that_breaks_us_is_a_failed_attempt_and_nothing_is_held_for_it() -> None:
    async def broken(host: str, timeout_s: float) -> Outcome:
        return answered(503, ("retry-after", 5)) if host == "bad" else answered()  # type: ignore[arg-type]  # a fault

    desk = Desk(broken, DeliveryPolicy(per_webhook=1))
    async with dispatching(desk) as running:
        desk.put(claim("bad"), claim("bad", 2), claim("good"))
        outcomes = {outcome.delivery_id: outcome for outcome in await desk.see(3)}
        assert outcomes["dlv_good_1"].succeeded
        assert [outcomes[f"dlv_bad_{number}"].error_class for number in (1, 2)] == ["internal", "internal"]
        await desk.dispatcher.drain(10.0)
        assert running.done()


# fairness


@virtually
async def test_no_webhook_has_more_posts_under_way_than_it_may() -> None:
    desk = Desk(hanging_where_dead, DeliveryPolicy(per_webhook=3))
    async with dispatching(desk):
        desk.put(*(claim("dead", number) for number in range(9)))
        await asyncio.sleep(5)
        assert desk.sender.under_way == 3
        await desk.see(9)
        assert desk.sender.most_under_way == 3


@virtually
async def test_a_freed_place_is_taken_at_once() -> None:
    desk = Desk(hanging_where_dead, DeliveryPolicy(per_webhook=1, timeout_s=1.5))
    async with dispatching(desk):
        desk.put(*(claim("dead", number) for number in range(4)))
        await desk.see(4)
        assert [post.at for post in desk.posts] == pytest.approx([0, 1.5, 3, 4.5])


@virtually
async def test_a_place_that_is_freed_during_a_claim_is_not_forgotten() -> None:
    async def quick(host: str, timeout_s: float) -> Outcome:
        await asyncio.sleep(0.1)
        return answered()

    desk = Desk(quick, DeliveryPolicy(per_webhook=4))
    desk.queue.slow_s = 0.25
    async with dispatching(desk):
        desk.put(*(claim("a", number) for number in range(40)))
        await desk.see(40)
        assert now() < LOOK_AGAIN_S


@virtually
async def test_endpoints_that_hang_delay_nobody_else() -> None:
    desk = Desk(hanging_where_dead)
    async with dispatching(desk):
        desk.put(*(claim(f"dead{endpoint}", number) for endpoint in range(50) for number in range(100)))
        await asyncio.sleep(1)
        asked_at = now()
        desk.put(*(claim(f"live{endpoint}") for endpoint in range(100)))
        await asyncio.sleep(0.05)
        live = [post for post in desk.posts if post.host.startswith("live")]
        assert len(live) == 100
        assert all(post.at == pytest.approx(asked_at) for post in live)


@virtually
async def test_a_few_hundred_endpoints_that_hang_leave_room_for_the_others() -> None:
    desk = Desk(hanging_where_dead)
    async with dispatching(desk):
        desk.put(*(claim(f"dead{endpoint}", number) for endpoint in range(500) for number in range(12)))
        late_ms: list[float] = []
        for number in range(20):
            await asyncio.sleep(1)
            asked_at, before = now(), len(desk.posts)
            desk.put(claim("live", number))
            await asyncio.sleep(0.5)
            [live] = [post for post in desk.posts[before:] if post.host == "live"]
            late_ms.append((live.at - asked_at) * 1000)
        assert max(late_ms) < 100
        assert desk.sender.most_under_way <= MOST_HELD


@virtually
async def test_what_a_node_holds_is_bounded_in_number() -> None:
    desk = Desk(hanging_where_dead)
    async with dispatching(desk):
        desk.put(*(claim(f"dead{endpoint}") for endpoint in range(MOST_HELD + 500)))
        await asyncio.sleep(5)
        assert desk.sender.under_way == MOST_HELD
        await desk.see(MOST_HELD + 500)
        assert desk.sender.most_under_way == MOST_HELD


@virtually
async def test_what_a_node_holds_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher_module, "MOST_HELD_BYTES", 10_000)
    desk = Desk(hanging_where_dead)
    async with dispatching(desk):
        desk.put(*(claim(f"dead{endpoint}", body=b"x" * 1000) for endpoint in range(50)))
        await asyncio.sleep(5)
        assert desk.sender.under_way == 10
        await desk.see(50)
        assert desk.sender.most_under_way == 10


@virtually
async def test_a_store_that_settles_slowly_does_not_pile_up_outcomes() -> None:
    desk = Desk()
    async with dispatching(desk):
        desk.put(*(claim(f"a{number}") for number in range(3 * MOST_HELD)))
        await asyncio.sleep(0)
        desk.queue.slow_s = 5.0
        await asyncio.sleep(60)
        assert len(desk.posts) - len(desk.queue.recorded) <= MOST_HELD


# the store is away


@virtually
async def test_while_the_store_is_away_it_is_asked_with_growing_waits() -> None:
    desk = Desk()
    desk.queue.away = True
    async with dispatching(desk):
        await asyncio.sleep(60)
        assert 30 <= desk.queue.claims <= 40


@virtually
async def test_it_goes_on_when_the_store_is_back() -> None:
    desk = Desk()
    desk.queue.away = True
    async with dispatching(desk):
        desk.queue.put(claim("a"))
        await asyncio.sleep(60)
        desk.queue.away = False
        await desk.see(1)
        assert desk.posts[0].at <= 62


@virtually
async def test_an_outcome_is_kept_until_the_store_takes_it_however_long_that_is() -> None:
    async def slow(host: str, timeout_s: float) -> Outcome:
        await asyncio.sleep(1)
        return answered()

    desk = Desk(slow)
    async with dispatching(desk):
        desk.put(claim("a"))
        await asyncio.sleep(0.5)
        desk.queue.away = True
        await asyncio.sleep(600)
        assert desk.observed == []
        desk.queue.away = False
        await desk.see(1)
        assert (len(desk.posts), len(desk.queue.recorded)) == (1, 1)


@virtually
async def test_nothing_new_is_claimed_while_outcomes_cannot_be_recorded() -> None:
    desk = Desk(hanging_where_dead)
    async with dispatching(desk):
        desk.put(claim("dead"))
        await asyncio.sleep(5)
        desk.queue.away = True
        await asyncio.sleep(10)
        claims = desk.queue.claims
        desk.put(claim("b"))
        await asyncio.sleep(60)
        assert desk.queue.claims == claims
        desk.queue.away = False
        await desk.see(2)


@virtually
async def test_an_attempt_that_a_later_claim_has_overtaken_is_not_reported() -> None:
    desk = Desk(hanging_where_dead)
    async with dispatching(desk):
        desk.put(claim("dead"))
        await asyncio.sleep(1)
        desk.queue.put(claim("dead", lease=7), due_in_s=3600)  # another node has it
        await asyncio.sleep(60)
        assert (len(desk.posts), desk.observed) == (1, [])


@virtually
async def test_a_claim_that_took_too_long_for_its_leases_is_given_back_unposted() -> None:
    desk = Desk()
    async with dispatching(desk):
        await asyncio.sleep(1)
        desk.queue.slow_s = 1.0
        desk.put(claim("a"))
        await asyncio.sleep(0.5)
        desk.ahead_s = LATEST_START_S  # the machine was asleep
        await asyncio.sleep(2)
        assert (desk.posts, desk.queue.released) == ([], ["dlv_a_1"])


def test_no_lease_ends_before_the_exchange_that_it_is_for() -> None:
    assert LATEST_START_S < LEASE_BEYOND_TIMEOUT_S


@virtually
async def test_one_attempt_that_cannot_be_stored_does_not_keep_the_others_from_being_recorded() -> None:
    desk = Desk()
    desk.queue.refuse = lambda settlement: settlement.outcome.delivery_id == "dlv_a_1"
    async with dispatching(desk):
        desk.put(claim("a"), claim("b"), claim("c"))
        assert {outcome.delivery_id for outcome in await desk.see(2)} == {"dlv_b_1", "dlv_c_1"}


@virtually
async def test_an_attempt_whose_answer_cannot_be_stored_is_recorded_without_it() -> None:
    async def odd(host: str, timeout_s: float) -> Outcome:
        return answered(200, ("X-Odd", "\ud800"), body=b"odd")

    desk = Desk(odd)
    desk.queue.refuse = lambda settlement: bool(settlement.outcome.response_headers)
    async with dispatching(desk):
        desk.put(claim("a"))
        await desk.see(1)
        [recorded] = desk.queue.recorded
        assert (recorded.succeeded, recorded.status, recorded.response_headers) == (True, 200, ())


# the end


@virtually
async def test_a_drain_lets_what_is_under_way_finish_and_settle_and_claims_no_more() -> None:
    async def slow(host: str, timeout_s: float) -> Outcome:
        await asyncio.sleep(3)
        return answered()

    desk = Desk(slow, DeliveryPolicy(per_webhook=1))
    async with dispatching(desk) as running:
        desk.put(claim("a", 1), claim("a", 2), claim("b", 1))
        await asyncio.sleep(1)
        await desk.dispatcher.drain(10)
        assert now() == pytest.approx(3, abs=0.01)
        assert len(desk.observed) == len(desk.posts) == 2
        assert desk.queue.pending == 1
        await running


@virtually
async def test_a_drain_with_nothing_under_way_is_over_at_once() -> None:
    desk = Desk()
    async with dispatching(desk) as running:
        await asyncio.sleep(1)
        await desk.dispatcher.drain(10)
        assert now() == 1
        await running


@virtually
async def test_what_does_not_finish_in_time_is_cut_off_and_tried_again_by_the_schedule() -> None:
    desk = Desk(hanging_where_dead, DeliveryPolicy(timeout_s=60))
    async with dispatching(desk):
        desk.put(claim("dead"))
        await asyncio.sleep(1)
        await desk.dispatcher.drain(10)
        assert now() <= 11
        [outcome] = desk.observed
        assert (outcome.succeeded, outcome.status, outcome.error_class, outcome.error) == (
            False,
            None,
            "interrupted",
            "the cloud was stopped before the receiver had answered",
        )
        assert outcome.duration_ms == pytest.approx(10_000)
        assert desk.queue.pending == 1


@virtually
async def test_being_cut_off_is_never_the_last_attempt_of_a_delivery() -> None:
    desk = Desk(hanging_where_dead)
    async with dispatching(desk):
        desk.put(claim("dead", attempt=4, retries=3))
        await asyncio.sleep(1)
        await desk.dispatcher.drain(2)
        assert (len(desk.observed), desk.queue.pending) == (1, 1)


@virtually
async def test_being_cut_off_is_the_end_of_what_goes_only_once() -> None:
    desk = Desk(hanging_where_dead)
    async with dispatching(desk):
        desk.put(claim("dead", retries=None))
        await asyncio.sleep(1)
        await desk.dispatcher.drain(2)
        assert (len(desk.observed), desk.queue.pending) == (1, 0)


@virtually
async def test_a_claim_that_comes_back_during_a_drain_is_given_back_unposted() -> None:
    desk = Desk()
    async with dispatching(desk):
        await asyncio.sleep(1)
        desk.queue.slow_s = 0.5
        desk.put(claim("a"))
        await asyncio.sleep(0.1)
        await desk.dispatcher.drain(10)
        assert (desk.posts, desk.queue.released) == ([], ["dlv_a_1"])


@virtually
async def test_a_drain_ends_in_time_though_the_store_is_away() -> None:
    desk = Desk(hanging_where_dead)
    async with dispatching(desk):
        desk.put(claim("dead"))
        await asyncio.sleep(1)
        desk.queue.away = True
        await desk.dispatcher.drain(5)
        assert now() <= 6


@virtually
async def test_a_dispatcher_that_is_drained_before_it_runs_posts_nothing() -> None:
    desk = Desk()
    desk.queue.put(claim("a"))
    await desk.dispatcher.drain(10)
    await desk.dispatcher.run()
    assert (now(), desk.posts) == (0, [])


@virtually
async def test_a_dispatcher_that_is_cancelled_leaves_nothing_behind() -> None:
    desk = Desk(hanging_where_dead)
    async with dispatching(desk):
        desk.put(claim("dead"))
        await asyncio.sleep(1)
    assert (desk.sender.under_way, desk.store.wakeups.waiting) == (0, 0)
    assert WEBHOOKS not in desk.store.wakeups._waiting
