"""Receivers that hang, drip, flood and inflate: each is cut, frees its slots, costs no memory and delays nobody."""

import time
from dataclasses import dataclass

import pytest

from ..sender.receivers import Script, answering, repeating
from .conftest import Count, MakeStage, Sized
from .hostile import HEAD, INTERIM, Hostile, dripping, gzip_bomb, hang, hosting
from .memory import forget_peak, peak_kib, resident_kib
from .receiving import Crowd
from .stage import settle_down, wait_until

pytestmark = pytest.mark.alone

SLOTS = 16  # the default of --max-in-flight
TOLERANCE_S = 0.5
MOST_GROWTH_KIB = 5 * 1024
INFLATED_BYTES = 64 << 20


@dataclass(frozen=True)
class Cut:
    """What a receiver does, and what its delivery's attempt must say; it sees the cut when it says something next."""

    script: Script
    status: int | None
    error: str | None
    silent_s: float = 0.0


def at_the_deadline(timeout_s: int) -> dict[str, Cut]:
    nothing, unfinished = f"no answer within {timeout_s} s", f"answered 200, but did not finish within {timeout_s} s"
    few_a_timeout = timeout_s / 10  # fewer than may come
    return {
        "hangs": Cut(hang, None, nothing),
        "drips headers": Cut(dripping(HEAD, b"X-A: 1\r\n"), None, nothing),
        "drips body": Cut(dripping(HEAD + b"\r\n", b"x"), 200, unfinished),
        "drips chunks": Cut(dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), 200, unfinished),
        "drips 1xx": Cut(dripping(b"", INTERIM, few_a_timeout), None, nothing, few_a_timeout),
    }


def at_the_cap() -> dict[str, Cut]:
    too_long = "the answer's headers are longer than 64 KiB"
    return {
        "endless 1xx": Cut(repeating(b"", INTERIM), None, "more than 16 interim answers (1xx)"),
        "endless headers": Cut(repeating(HEAD, b"X-A: " + b"a" * 1000 + b"\r\n"), None, too_long),
        "endless body": Cut(repeating(HEAD + b"\r\n", b"x" * 65536), 200, None),
        "gzip bomb": Cut(gzip_bomb(INFLATED_BYTES), 200, None),
        "200 KB header": Cut(answering(HEAD + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n"), None, too_long),
    }


def test_hostile_receivers_are_cut_and_cost_nobody_anything(
    stage: MakeStage, sqlite_database: str, crowd: Crowd, sized: Sized, count: Count
) -> None:
    timeout_s, rounds = sized(10, 2), sized(3, 1)
    slow, fast = at_the_deadline(timeout_s), at_the_cap()
    receivers = {what: Hostile(cut.script) for what, cut in (slow | fast).items()}
    cloud = stage(sqlite_database)
    node = cloud.start("--delivery-timeout", f"{timeout_s}s", "--retry-schedule", "none", "--max-in-flight", str(SLOTS))
    with hosting(list(receivers.values())):
        webhooks = {what: cloud.register(node, hostile.url, "ticket.created") for what, hostile in receivers.items()}
        cloud.register(node, crowd.url("/ok"), "*")
        cloud.post_events([node], SLOTS)  # memory that is taken once, for connections and pages, is taken here
        settle_down(cloud, node)
        wait_until(lambda: all(len(one.held_s) == SLOTS for one in receivers.values()), 5, "receivers see the cut")
        before_kib = resident_kib(node.pid)
        forget_peak(node.pid)
        slowest_s = 0.0
        for _ in range(rounds):
            events = cloud.post_events([node], 2 * SLOTS)  # half of them need a slot that another one has freed
            began = time.monotonic()
            crowd.wait_for_events(events, 10)
            slowest_s = max(slowest_s, time.monotonic() - began)
            settle_down(cloud, node)
        grown_kib = peak_kib(node.pid) - before_kib
        attempts = {what: cloud.attempts(node, webhook_id) for what, webhook_id in webhooks.items()}
        for hostile in receivers.values():
            hostile.behave()
        (last,) = cloud.post_events([node], 1)
        settle_down(cloud, node)
        after = cloud.api(node).get(f"/deliveries?event_id={last}&status=succeeded&pageSize=100")
    held_s = {what: hostile.held_s[SLOTS:] for what, hostile in receivers.items()}
    for what, times in held_s.items():
        count(f"{what}: cut", len(times))
        count("after, s", f"{min(times):.2f} to {max(times):.2f}")
    count("memory grown by, KiB", grown_kib)
    count("others delivered within, s", round(slowest_s, 2))
    for what, cut in (slow | fast).items():
        assert len(held_s[what]) == rounds * 2 * SLOTS, what
        assert {(attempt["status"], attempt["error"]) for attempt in attempts[what]} == {(cut.status, cut.error)}, what
    for what in slow:
        latest_s = timeout_s + slow[what].silent_s + TOLERANCE_S
        assert all(timeout_s - TOLERANCE_S <= time_s <= latest_s for time_s in held_s[what]), what
        assert all(abs(one["duration_ms"] - timeout_s * 1000) <= TOLERANCE_S * 1000 for one in attempts[what]), what
    assert all(max(held_s[what]) < timeout_s - TOLERANCE_S for what in fast)
    assert slowest_s < timeout_s - TOLERANCE_S
    assert grown_kib < MOST_GROWTH_KIB
    assert len(after) == len(receivers) + 1
