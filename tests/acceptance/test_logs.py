"""`logs tail` with real processes: live, in order, across a killed cloud, narrowed down."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ..processes import CSTAR, Env, Line, RunCstar, Running, StartListening, StartServing, free_port
from ..receiver import Answer, StartReceiver
from .api import Api
from .conftest import StartApi
from .test_cloud_faults import post_through_faults

StartTailing = Callable[..., Running]


@pytest.fixture
def tailing(home: Env, tmp_path: Path) -> Iterator[StartTailing]:
    """Start `cstar logs tail --json ARGUMENTS…`."""
    with contextlib.ExitStack() as started:

        def start(*arguments: str, env: Env | None = None) -> Running:
            command = [*CSTAR, "logs", "tail", "--json", *arguments]
            return started.enter_context(Running(command, env or home, tmp_path))

        yield start


def take(tail: Running, count: int) -> list[Line]:
    return [json.loads(tail.next_line()) for _ in range(count)]


def logged(cstar: RunCstar, *arguments: str) -> list[Line]:
    """Return what the log has, without following it."""
    done = cstar("logs", "tail", "--json", "--no-follow", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def make(cloud: Api, *event_types: str) -> list[str]:
    """Make an event of each type and return their ids."""
    return [str(cloud.post_event(event_type)["event"]["id"]) for event_type in event_types]


def events(lines: Sequence[Line]) -> list[Any]:
    return [line["event_id"] for line in lines]


def test_a_killed_cloud_leaves_neither_gap_nor_repeat_while_events_flow(
    home: Env, listening: StartListening, serving: StartServing, receiver: StartReceiver, tailing: StartTailing
) -> None:
    # On this address `listen` never starts a cloud itself, so the restarted one is the one that goes on.
    own = {**home, "CSTAR_API_BASE": f"http://127.0.0.2:{free_port()}"}
    cloud_process = serving("--host", "127.0.0.2", env=own)
    listening("-f", receiver().url, env=own)
    tails = [tailing("--since", "1h", env=own) for _ in range(2)]
    accepted: set[str] = set()
    with contextlib.closing(Api(own)) as cloud:
        make(cloud, "ticket.created")
        first = [take(tail, 1)[0] for tail in tails]
        at_100, at_200 = threading.Event(), threading.Event()
        reached = {100: at_100, 200: at_200}
        posting = threading.Thread(target=lambda: accepted.update(post_through_faults(cloud, 300, reached)))
        posting.start()
        for moment in (at_100, at_200):
            assert moment.wait(30)
            cloud_process.kill()
            cloud_process = serving("--host", "127.0.0.2", env=own)
        posting.join(60)
        deliveries = total_deliveries(cloud)
    assert len(accepted) == 300
    for tail, line in zip(tails, first, strict=True):
        lines = [line, *take(tail, deliveries - 1)]
        attempts = [(line["delivery_id"], line["attempt"]) for line in lines]
        assert len(set(attempts)) == len(attempts)
        assert accepted <= set(events(lines))


def total_deliveries(cloud: Api) -> int:
    """Return how many deliveries there are; one whose answer the kill swallowed is beyond those that were accepted."""
    count = page = 0
    while True:
        page += 1
        found = len(cloud.get(f"/deliveries?page={page}&pageSize=100"))
        count += found
        if found < 100:
            return count


def test_the_attempts_of_several_listeners_come_in_one_order_for_every_tail(
    listening: StartListening, receiver: StartReceiver, api: StartApi, tailing: StartTailing, cstar: RunCstar
) -> None:
    for _ in range(3):
        listening("-f", receiver().url)
    cloud = api()
    live = tailing("--since", "1h")
    make(cloud, "ticket.created")
    seen = take(live, 3)
    made = make(cloud, *["ticket.updated"] * 50)
    seen += take(live, 150)
    assert {event: events(seen).count(event) for event in made} == dict.fromkeys(made, 3)
    assert len({line["target"] for line in seen}) == 3
    assert logged(cstar, "--lines", "1000") == seen


def test_what_comes_live_comes_at_once_and_not_with_the_next_heartbeat(
    listening: StartListening, receiver: StartReceiver, api: StartApi, tailing: StartTailing
) -> None:
    listening("-f", receiver().url)
    cloud = api()
    [begun] = make(cloud, "ticket.created")
    tail = tailing()
    assert events(take(tail, 1)) == [begun]
    for _ in range(3):
        [made] = make(cloud, "ticket.created")
        assert json.loads(tail.next_line(timeout_s=4))["event_id"] == made


def test_it_begins_with_the_last_ten_or_as_many_as_are_asked_for(
    listening: StartListening, receiver: StartReceiver, api: StartApi, tailing: StartTailing, cstar: RunCstar
) -> None:
    listener = listening("-f", receiver().url)
    cloud = api()
    made = make(cloud, *["ticket.created"] * 12)
    listener.take(12)
    listener.stop()  # and with it the cloud, so that all of it is in the log
    listening("-f", receiver().url)
    in_order = events(logged(cstar, "--lines", "100"))
    assert sorted(in_order) == sorted(made)
    assert events(logged(cstar)) == in_order[-10:]
    assert events(logged(cstar, "--lines", "3")) == in_order[-3:]
    assert logged(cstar, "--lines", "0") == []
    tail = tailing("--lines", "2")
    assert events(take(tail, 2)) == in_order[-2:]
    [late] = make(api(), "ticket.created")
    assert events(take(tail, 1)) == [late]


def test_it_begins_at_a_time_or_so_long_ago(
    listening: StartListening, receiver: StartReceiver, api: StartApi, cstar: RunCstar, tailing: StartTailing
) -> None:
    listening("-f", receiver().url)
    cloud = api()
    tail = tailing("--since", "1h")
    make(cloud, *["ticket.created"] * 3)
    lines = take(tail, 3)
    assert logged(cstar, "--since", "1h") == lines
    assert logged(cstar, "--since", lines[0]["time"]) == lines
    assert logged(cstar, "--since", "2999-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    ("arguments", "types"),
    [
        (("-e", "ticket.*"), ["ticket.created", "ticket.closed"]),
        (("-e", "*.created"), ["ticket.created", "customer.created"]),
        (("-e", "ticket.*,boss.*", "-e", "!ticket.closed"), ["ticket.created", "boss.spawned"]),
        (("-e", "!ticket.*"), ["customer.created", "boss.spawned"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_events_narrow_it_down_both_past_and_live(
    listening: StartListening,
    receiver: StartReceiver,
    api: StartApi,
    cstar: RunCstar,
    tailing: StartTailing,
    arguments: tuple[str, ...],
    types: list[str],
) -> None:
    listening("-f", receiver().url, "--concurrency", "1")
    cloud = api()
    tail = tailing(*arguments)
    every = ("ticket.created", "customer.created", "ticket.closed", "boss.spawned")
    make(cloud, *every)
    assert [line["event_type"] for line in take(tail, 2)] == types
    make(cloud, *every)  # the tail is surely connected by now
    assert [line["event_type"] for line in take(tail, 2)] == types
    assert [line["event_type"] for line in logged(cstar, *arguments)] == [*types, *types]


def test_status_narrows_it_down(
    listening: StartListening, receiver: StartReceiver, api: StartApi, cstar: RunCstar
) -> None:
    app = receiver()
    listener = listening("-f", app.url)
    cloud = api()
    made = {}
    for status in (200, 201, 404, 500):
        app.answer = Answer(status)
        [made[status]] = make(cloud, "ticket.created")
        listener.next_of("forwarded")
    app.close()
    [gone] = make(cloud, "ticket.created")
    listener.next_of("forwarded")
    for wanted, expected in {
        "succeeded": [made[200], made[201]],
        "failed": [made[404], made[500], gone],
        "2xx": [made[200], made[201]],
        "4xx": [made[404]],
        "404": [made[404]],
        "503": [],
    }.items():
        assert events(logged(cstar, "--status", wanted)) == expected


def test_target_narrows_it_down_to_a_session_or_a_url(
    listening: StartListening, receiver: StartReceiver, api: StartApi, cstar: RunCstar
) -> None:
    apps = [receiver(), receiver()]
    listeners = [listening("-f", app.url) for app in apps]
    make(api(), "ticket.created")
    for listener, app in zip(listeners, apps, strict=True):
        listener.next_of("forwarded")
        session = listener.ready["session_id"]
        for target in (session, app.url):
            [line] = logged(cstar, "--target", target)
            assert (line["target"], line["url"]) == (session, app.url)
    assert logged(cstar, "--target", "ses_unknown") == []
