"""A node that stands still while its lease runs out: what it does afterwards counts for nothing."""

import signal

from .conftest import Count, MakeStage
from .receiving import Crowd
from .stage import settle_down

LEASE_S = 21  # the delivery timeout and 20 s


def test_a_node_with_a_stale_lease_neither_settles_nor_posts_again(
    stage: MakeStage, postgres_database: str, crowd: Crowd, count: Count
) -> None:
    cloud = stage(postgres_database)
    stale = cloud.start("--delivery-timeout", "1s")
    webhook = cloud.register(stale, crowd.url("/held"), "*")
    [event_id] = cloud.post_events([stale], 1)
    crowd.wait_for_arrivals(1)
    stale.signal(signal.SIGSTOP)
    crowd.open()  # the answer waits in the socket of the node that stands still
    fresh = cloud.start("--delivery-timeout", "1s")
    crowd.wait_for_arrivals(2, LEASE_S + 10)
    settle_down(cloud, fresh)
    stale.signal(signal.SIGCONT)
    # It is alive again: it answers, and delivers what is new.
    [again] = cloud.post_events([stale], 1)
    crowd.wait_for_events({again}, 20)
    settle_down(cloud, stale)
    attempts = [attempt for attempt in cloud.attempts(fresh, webhook) if attempt["event_id"] == event_id]
    waited_s = crowd.arrivals[1].at_s - crowd.arrivals[0].at_s
    count("posts of the delivery", sum(arrival.event_id == event_id for arrival in crowd.arrivals))
    count("attempts in the log", len(attempts))
    count("the other node posted after, s", round(waited_s, 1))
    assert [(attempt["attempt"], attempt["outcome"]) for attempt in attempts] == [(1, "succeeded")]
    assert len(crowd.deliveries()[event_id]) == 1
    assert waited_s >= LEASE_S - 1
    stale.signal(signal.SIGTERM)
    assert stale.wait() == 0
    assert "attempt not recorded" in stale.stderr
