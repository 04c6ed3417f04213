"""Nodes killed and stopped while they work: nothing is lost, nothing is sent twice but under its own id."""

import signal
import threading
import time

from ..processes import free_port
from .conftest import Count, MakeStage, Sized
from .receiving import Crowd
from .stage import settle_down, wait_until


def lost(crowd: Crowd, accepted: set[str]) -> int:
    return len(accepted - {arrival.event_id for arrival in crowd.arrivals})


def test_kill_9_of_a_node_again_and_again_loses_nothing(
    stage: MakeStage, database: str, crowd: Crowd, sized: Sized, count: Count
) -> None:
    events, kills = sized(10_000, 600), sized(20, 3)
    cloud, port = stage(database), free_port()
    node = cloud.start("--delivery-timeout", "60s", port=port)  # as long as it takes to make the backlog
    cloud.register(node, crowd.url("/held"), "*")
    accepted = cloud.post_events([node], events)
    crowd.open()
    node.signal(signal.SIGTERM)
    assert node.wait() == 0, node.stderr
    for number in range(1, kills + 1):
        node = cloud.start(port=port)
        crowd.wait_for_arrivals(max(len(crowd.arrivals) + 1, number * events // (kills + 1)))
        node.kill()
        time.sleep(0.1)  # what it had sent before it died is read
        # The nodes have posted that and recorded nothing of it, each when it was killed.
        in_flight = len(crowd.arrivals) - len(cloud.recorded())
    node = cloud.start(port=port)
    crowd.wait_for_events(accepted, 120)
    settle_down(cloud, node)
    recorded = cloud.recorded()
    count("deliveries", len(accepted))
    count("kills", kills)
    count("lost", lost(crowd, accepted))
    count("duplicates", crowd.duplicates())
    count("in flight when killed", in_flight)
    count("failed and tried again", len(recorded) - events)
    assert len({arrival.delivery_id for arrival in crowd.arrivals}) == len(accepted)
    assert all(len(ids) == 1 for ids in crowd.deliveries().values())
    assert crowd.duplicates() <= in_flight + len(recorded) - events


def test_kill_9_during_ingest_keeps_what_was_answered_and_nothing_by_halves(
    stage: MakeStage, database: str, crowd: Crowd, sized: Sized, count: Count
) -> None:
    events, kills = sized(5_000, 400), sized(10, 2)
    cloud, port = stage(database), free_port()
    nodes = [cloud.start(port=port)]
    hooks = [cloud.register(nodes[0], crowd.url(path), "*") for path in ("/ok/one", "/ok/two")]
    accepted: set[str] = set()
    posting = threading.Thread(target=lambda: accepted.update(cloud.post_events(list(nodes), events)))
    posting.start()
    for _ in range(kills):
        time.sleep(0.3)
        nodes[-1].kill()
        nodes.append(cloud.start(port=port))
    posting.join()
    wait_until(
        lambda: all(came(crowd, path) >= accepted for path in ("/ok/one", "/ok/two")), 60, "all that was accepted"
    )
    settle_down(cloud, nodes[-1])
    one, two = came(crowd, "/ok/one"), came(crowd, "/ok/two")
    count("accepted", len(accepted))
    count("kills", kills)
    count("lost", len(accepted - one) + len(accepted - two))
    count("not answered, delivered whole", len(one - accepted))
    assert len(hooks) == 2
    assert one == two


def came(crowd: Crowd, path: str) -> set[str]:
    return {arrival.event_id for arrival in list(crowd.arrivals) if arrival.path == path}


def test_sigterm_drains_and_nothing_is_sent_twice(
    stage: MakeStage, database: str, crowd: Crowd, sized: Sized, count: Count
) -> None:
    events, stops = sized(4_000, 600), sized(10, 3)
    cloud, port = stage(database), free_port()
    node = cloud.start(port=port)
    cloud.register(node, crowd.url("/slow/100"), "*")
    accepted = cloud.post_events([node], events)
    slowest_s = 0.0
    for _ in range(stops):
        crowd.wait_for_arrivals(min(len(crowd.arrivals) + 20, events))
        node.signal(signal.SIGTERM)
        began = time.monotonic()
        assert node.wait() == 0, node.stderr
        slowest_s = max(slowest_s, time.monotonic() - began)
        node = cloud.start(port=port)
    crowd.wait_for_events(accepted, 60)
    settle_down(cloud, node)
    count("deliveries", len(accepted))
    count("stops", stops)
    count("sent twice", crowd.duplicates())
    count("slowest stop, s", round(slowest_s, 2))
    assert crowd.duplicates() == 0
    assert slowest_s < 10
