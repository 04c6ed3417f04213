"""Endpoints that hang, and backlogs that wait for them, are in nobody else's way."""

import re
import time
import urllib.request

import pytest

from ..processes import Serving
from .conftest import Count, MakeStage, Sized
from .receiving import Crowd
from .stage import Stage, wait_until
from .timing import ms, percentile

pytestmark = pytest.mark.alone

WEBHOOKS = 100
EVENT_EVERY_S = 0.1
# What twice the baseline is at least: on a small machine that the receiver, the test and the node share, a p99 of some
# milliseconds may well become four times that by chance; and of 30 events one late one is 3 %.
NOISE_MS, NOISE_OF_FEW_MS = 50, 500
PATIENT = ("--delivery-timeout", "10s", "--retry-schedule", "1m,5m,30m")


@pytest.mark.parametrize("dead", [1, 20])
def test_dead_endpoints_among_a_hundred_delay_no_other(
    stage: MakeStage, database: str, crowd: Crowd, sized: Sized, count: Count, dead: int
) -> None:
    events = sized(300, 30)
    cloud = stage(database)
    node = cloud.start(*PATIENT)
    for number in range(WEBHOOKS - dead):
        cloud.register(node, crowd.url(f"/ok/{number}"), "*")
    rounds(cloud, node, crowd, 5)  # connections are made, code is warm
    baseline_s = rounds(cloud, node, crowd, events)
    for number in range(dead):
        cloud.register(node, crowd.url(f"/dead/{number}"), "*")
    beside_s = rounds(cloud, node, crowd, events)
    count("webhooks", WEBHOOKS)
    count("dead", dead)
    count("hanging posts", sum(arrival.path.startswith("/dead") for arrival in crowd.arrivals))
    count("deliveries to others", len(beside_s))
    count("p99 without the dead, ms", ms(percentile(baseline_s, 99)))
    count("p99 beside them, ms", ms(percentile(beside_s, 99)))
    assert len(beside_s) == len(baseline_s) == events * (WEBHOOKS - dead)
    noise_s = sized(NOISE_MS, NOISE_OF_FEW_MS) / 1000
    assert percentile(beside_s, 99) <= max(2 * percentile(baseline_s, 99), noise_s)


def rounds(cloud: Stage, node: Serving, crowd: Crowd, events: int) -> list[float]:
    """Post events at a steady pace; return how long each delivery to a live webhook took from its event's answer."""
    api = cloud.api(node)
    accepted_at_s: dict[str, float] = {}
    began_at, before = time.monotonic(), len(crowd.arrivals)
    for number in range(events):
        time.sleep(max(0.0, began_at + number * EVENT_EVERY_S - time.monotonic()))
        event_id = api.post_event("ticket.created")["event"]["id"]
        accepted_at_s[event_id] = time.monotonic()
    live = len({arrival.path for arrival in crowd.arrivals if arrival.path.startswith("/ok")})

    def took_s() -> list[float]:
        return [
            max(0.0, arrival.at_s - accepted_at_s[arrival.event_id])
            for arrival in crowd.arrivals[before:]
            if arrival.path.startswith("/ok") and arrival.event_id in accepted_at_s
        ]

    wait_until(lambda: len(took_s()) >= live * events, 30, "all deliveries to live webhooks")
    return took_s()


def test_a_new_event_passes_a_backlog(
    stage: MakeStage, database: str, crowd: Crowd, sized: Sized, count: Count
) -> None:
    """Half of the webhooks that the backlog is for never answer, half do so very slowly."""
    stuck, backlog, events = 50, sized(100_000, 5_000), sized(200, 40)
    cloud = stage(database)
    node = cloud.start(*PATIENT)
    for number in range(stuck):
        path = f"/dead/{number}" if number % 2 else f"/slow/5000/{number}"
        cloud.register(node, crowd.url(path), "ticket.created")
    cloud.register(node, crowd.url("/ok"), "ticket.closed")
    cloud.post_events([node], backlog // stuck)
    api = cloud.api(node)
    accepted_at_s: dict[str, float] = {}
    for _ in range(events):
        event_id = api.post_event("ticket.closed")["event"]["id"]
        accepted_at_s[event_id] = time.monotonic()
        time.sleep(0.05)
    crowd.wait_for_events(set(accepted_at_s), 30)
    took_s = [arrival.at_s - accepted_at_s[arrival.event_id] for arrival in crowd.arrivals if arrival.path == "/ok"]
    waiting = pending(node)
    count("pending meanwhile", waiting)
    count("new events", events)
    count("p95, ms", ms(percentile(took_s, 95)))
    assert waiting > backlog * 0.8
    assert percentile(took_s, 95) < 1


def pending(node: Serving) -> int:
    """Return how many deliveries wait, as the node's metrics have it."""
    with urllib.request.urlopen(f"{node.address}/metrics", timeout=10) as answer:
        found = re.search(rb"^cstar_queue_pending (\d+)", answer.read(), re.MULTILINE)
    assert found
    return int(found[1])
