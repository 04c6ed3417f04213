"""PostgreSQL restarted, deaf or mute: 503 meanwhile, nothing lost, all goes on by itself."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from ..acceptance.link import Link
from ..postgres import Postgres
from ..processes import Serving, StartListening
from .conftest import Count, MakeStage, Sized
from .receiving import Crowd
from .stage import Stage, settle_down, wait_until

pytestmark = pytest.mark.alone

POLL_S = 1.0
SLACK_S = 1.0
_BUSES = "FROM pg_stat_activity WHERE application_name = 'cstar bus'"


@pytest.mark.parametrize("end", [Postgres.stop, Postgres.kill], ids=["stopped", "killed"])
def test_a_restart_of_postgresql_loses_nothing(
    stage: MakeStage, postgres: Postgres, crowd: Crowd, sized: Sized, count: Count, end: Callable[[Postgres], None]
) -> None:
    cloud = stage(postgres.url(postgres.create_database()))
    node = cloud.start()
    cloud.register(node, crowd.url("/slow/50"), "*")
    accepted = cloud.post_events([node], sized(3000, 400))
    crowd.wait_for_arrivals(50)
    end(postgres)
    api = cloud.api(node)
    slowest_s = 0.0
    for _ in range(10):
        began = time.monotonic()
        answer = api.ask("POST", "/events", {"type": "ticket.created"})
        slowest_s = max(slowest_s, time.monotonic() - began)
        assert answer.status == 503, answer
        assert int(answer.headers["Retry-After"]) >= 1
    before = len(crowd.arrivals)
    postgres.start()
    back_s = wait_until(lambda: len(crowd.arrivals) > before, 5, "deliveries go on")
    accepted |= cloud.post_events([node], 20)
    crowd.wait_for_events(accepted, 60)
    settle_down(cloud, node)
    came = {arrival.event_id for arrival in crowd.arrivals}
    count("accepted", len(accepted))
    count("lost", len(accepted - came))
    count("delivered without a 2xx", len(came - accepted))
    count("sent twice", crowd.duplicates())
    count("slowest 503, s", round(slowest_s, 2))
    count("deliveries again after, s", round(back_s, 2))
    assert came == accepted
    assert slowest_s < 6


def test_nodes_whose_listen_connections_are_cut_again_and_again_deliver_all_in_time(
    deaf: Callable[[], tuple[Stage, str, Serving]], postgres: Postgres, crowd: Crowd, sized: Sized, count: Count
) -> None:
    cloud, database, near = deaf()
    stop = threading.Event()

    def cut() -> None:
        while not stop.is_set():
            postgres.execute(f"SELECT pg_terminate_backend(pid) {_BUSES}", database)

    cutting = threading.Thread(target=cut)
    cutting.start()
    try:
        took_s = delays_s(cloud, near, crowd, sized(100, 15))
    finally:
        stop.set()
        cutting.join()
    count("events", len(took_s))
    count("sent twice", crowd.duplicates())
    count("slowest, s", round(max(took_s), 2))
    assert crowd.duplicates() == 0
    assert max(took_s) < POLL_S + SLACK_S


def test_nodes_that_hear_nothing_of_each_other_deliver_within_the_poll_interval(
    deaf: Callable[[], tuple[Stage, str, Serving]], postgres: Postgres, crowd: Crowd, sized: Sized, count: Count
) -> None:
    """The server's ends of their connections for it stand still: what is said is lost, and nothing is cut."""
    cloud, database, near = deaf()
    buses = postgres.ask(f"SELECT pid {_BUSES}", database)
    assert len(buses) == 2
    for pid in buses:
        os.kill(pid, signal.SIGSTOP)
    try:
        took_s = delays_s(cloud, near, crowd, sized(10, 10))
    finally:
        for pid in buses:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    count("events", len(took_s))
    count("sent twice", crowd.duplicates())
    count("slowest, s", round(max(took_s), 2))
    assert max(took_s) > 0.2, "nobody was deaf"
    assert crowd.duplicates() == 0
    assert max(took_s) < POLL_S + SLACK_S


@pytest.fixture
def deaf(
    stage: MakeStage, postgres: Postgres, crowd: Crowd, listening: StartListening
) -> Callable[[], tuple[Stage, str, Serving]]:
    """Two nodes, of which one takes events that a tunnel on the other wants; returns the database and the one."""

    def set_up() -> tuple[Stage, str, Serving]:
        database = postgres.create_database()
        cloud = stage(postgres.url(database))
        near, far = cloud.start(), cloud.start()
        listening("-f", crowd.url("/ok"), env={**cloud.env, "CSTAR_API_BASE": far.address})
        return cloud, database, near

    return set_up


def delays_s(cloud: Stage, node: Serving, crowd: Crowd, events: int) -> list[float]:
    """Post events one after the other; return how long each took to arrive."""
    api = cloud.api(node)
    posted_at_s: dict[str, float] = {}
    for _ in range(events):
        event_id = api.post_event("ticket.created")["event"]["id"]
        posted_at_s[event_id] = time.monotonic()
        time.sleep(0.2)
    crowd.wait_for_events(set(posted_at_s), 10)
    return [arrival.at_s - posted_at_s[arrival.event_id] for arrival in crowd.arrivals]


def test_a_listener_resumes_on_another_node_and_gets_each_event_once(
    stage: MakeStage, postgres: Postgres, crowd: Crowd, sized: Sized, count: Count, listening: StartListening
) -> None:
    cloud = stage(postgres.url(postgres.create_database()))
    one, other = cloud.start(), cloud.start()
    balancer = Link(one.address)
    try:
        listener = listening("-f", crowd.url("/ok"), env={**cloud.env, "CSTAR_API_BASE": balancer.base})
        accepted = cloud.post_events([one, other], sized(200, 30))
        crowd.wait_for_events(accepted, 20)
        balancer.lead_to(other.address)
        balancer.cut()
        accepted |= cloud.post_events([one, other], sized(200, 30))
        balancer.mend()
        back = listener.next_of("reconnected")
        accepted |= cloud.post_events([one], 10)
        crowd.wait_for_events(accepted, 20)
        settle_down(cloud, one)
    finally:
        balancer.close()
    count("events", len(accepted))
    count("missed, then delivered", back["missed"])
    count("sent twice", crowd.duplicates())
    assert back["session_id"] == listener.ready["session_id"]
    assert back["resumed"] is True
    assert len(crowd.arrivals) == len(accepted)
