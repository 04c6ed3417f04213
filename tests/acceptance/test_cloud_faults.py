"""The cloud killed, stopped, cut off, or somebody else's: nothing that was answered 2xx is lost."""

import contextlib
import http.client
import json
import signal
import socket
import threading
from collections import defaultdict
from pathlib import Path

from ..processes import Env, RunCstar, StartListening, StartServing, free_port
from ..receiver import Answer, Received, Receiver, StartReceiver
from .api import Api
from .conftest import StartApi, StartLink

EVENTS = 500


def post_through_faults(cloud: Api, count: int, reached: dict[int, threading.Event]) -> set[str]:
    """Post events until `count` are accepted; returns their ids. Sets `reached[n]` when n are."""
    accepted: set[str] = set()
    while len(accepted) < count:
        try:
            accepted.add(cloud.post_event("ticket.created", {"n": len(accepted)})["event"]["id"])
        except (OSError, http.client.HTTPException):
            threading.Event().wait(0.02)
        if len(accepted) in reached:
            reached[len(accepted)].set()
    return accepted


def deliveries_by_event(requests: list[Received]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for request in requests:
        found[json.loads(request.body)["id"]].add(request.headers["x-cstar-delivery"])
    return found


def test_kill_9_of_the_cloud_and_its_restart_lose_no_accepted_event(
    home: Env, listening: StartListening, serving: StartServing, receiver: StartReceiver
) -> None:
    # On this address `listen` never starts a cloud itself, so the restarted one is the one that goes on.
    base = f"http://127.0.0.2:{free_port()}"
    own = {**home, "CSTAR_API_BASE": base}
    app = receiver()
    cloud_process = serving("--host", "127.0.0.2", env=own)
    listening("-f", app.url, env=own)
    killed = threading.Event()
    accepted: set[str] = set()
    with contextlib.closing(Api(own)) as cloud:
        posting = threading.Thread(target=lambda: accepted.update(post_through_faults(cloud, EVENTS, {200: killed})))
        posting.start()
        assert killed.wait(30)
        cloud_process.kill()
        serving("--host", "127.0.0.2", env=own)
        posting.join(60)
    assert len(accepted) == EVENTS
    delivered = deliveries_by_event(wait_for_events(app, accepted))
    assert accepted <= delivered.keys()
    assert all(len(ids) == 1 for ids in delivered.values())


def wait_for_events(app: Receiver, accepted: set[str]) -> list[Received]:
    """Wait until every accepted event has arrived; repeats and unanswered ones may come besides."""
    count = len(accepted)
    requests = app.wait_for(count)
    while not accepted <= deliveries_by_event(requests).keys():
        requests = app.wait_for(len(requests) + 1)
    return requests


def test_a_listener_takes_over_when_the_cloud_is_killed(
    listening: StartListening, serving: StartServing, receiver: StartReceiver, api: StartApi, cstar: RunCstar
) -> None:
    app = receiver()
    cloud_process = serving()
    listener = listening("-f", app.url)
    cloud = api()
    killed = threading.Event()
    accepted: set[str] = set()
    posting = threading.Thread(target=lambda: accepted.update(post_through_faults(cloud, EVENTS, {200: killed})))
    posting.start()
    assert killed.wait(30)
    cloud_process.kill()
    assert listener.next_of("reconnected")["session_id"] == listener.ready["session_id"]
    posting.join(60)
    delivered = deliveries_by_event(wait_for_events(app, accepted))
    assert accepted <= delivered.keys()
    assert all(len(ids) == 1 for ids in delivered.values())
    assert json.loads(cstar("cloud", "status", "--json").stdout)["embedded"] is True


def test_a_database_given_to_the_cloud_is_the_one_that_is_taken_over(
    home: Env, listening: StartListening, serving: StartServing, receiver: StartReceiver, cstar: RunCstar
) -> None:
    database = f"{home['HOME']}/elsewhere.db"
    cloud_process = serving("--database", database)
    listener = listening("-f", receiver().url)
    cloud_process.signal(signal.SIGTERM)
    listener.next_of("reconnected")
    assert json.loads(cstar("cloud", "status", "--json").stdout)["database"] == database


def test_of_two_listeners_the_other_takes_over(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar
) -> None:
    app = receiver()
    first, second = listening("-f", receiver().url), listening("-f", app.url)
    first.kill()
    second.next_of("reconnected")
    assert cstar("trigger", "ticket.created").returncode == 0
    assert app.wait_for(1)
    assert second.next_of("forwarded")["outcome"] == "succeeded"


def test_what_was_missed_during_a_cut_comes_late_and_is_counted(
    home: Env,
    listening: StartListening,
    serving: StartServing,
    receiver: StartReceiver,
    api: StartApi,
    link: StartLink,
) -> None:
    app = receiver()
    serving()
    line = link(home["CSTAR_API_BASE"])
    listener = listening("-f", app.url, env={**home, "CSTAR_API_BASE": line.base})
    cloud = api()
    line.cut()
    assert listener.next_of("disconnected")["reason"]
    events = [cloud.post_event("ticket.created")["event"] for _ in range(7)]
    made = [event["id"] for event in events]
    line.mend()
    back = listener.next_of("reconnected")
    assert back["missed"] == 7
    for at, event in ((back["oldest"], events[0]), (back["newest"], events[-1])):
        assert at[:19] == event["created_at"][:19]
    assert {request_id(request) for request in app.wait_for(7)} == set(made)


def request_id(request: Received) -> str:
    return str(json.loads(request.body)["id"])


def test_a_result_that_was_lost_with_the_tunnel_is_not_forwarded_again(
    home: Env,
    listening: StartListening,
    serving: StartServing,
    receiver: StartReceiver,
    api: StartApi,
    link: StartLink,
) -> None:
    gate = threading.Event()
    app = receiver(Answer(until=gate))
    serving()
    line = link(home["CSTAR_API_BASE"])
    listener = listening("-f", app.url, env={**home, "CSTAR_API_BASE": line.base})
    cloud = api()
    delivery = cloud.post_event("ticket.created")["deliveries"][0]["id"]
    app.wait_for(1)
    line.cut()
    listener.next_of("disconnected")
    gate.set()
    assert listener.next_of("forwarded")["outcome"] == "succeeded"
    line.mend()
    assert listener.next_of("reconnected")["missed"] == 0
    listener.stop()
    assert cloud.get(f"/deliveries/{delivery}")["status"] == "succeeded"
    assert len(app.requests) == 1


def test_a_port_taken_by_a_foreign_program_is_a_clear_error(
    home: Env, cstar: RunCstar, receiver: StartReceiver
) -> None:
    foreign = receiver()
    env = {**home, "CSTAR_API_BASE": f"http://127.0.0.1:{foreign.port}"}
    for command in (["listen"], ["trigger", "ticket.created"], ["logs", "tail"], ["cloud", "status"]):
        done = cstar(*command, env=env)
        assert done.returncode == 1
        assert "Something that is not a cStar cloud answers at" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_port_whose_program_says_nothing_is_a_clear_error(home: Env, cstar: RunCstar) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = cstar("listen", env={**home, "CSTAR_API_BASE": base})
    assert done.returncode == 1
    assert f"{base} doesn't answer" in done.stderr


def test_an_unwritable_home_is_a_clear_error(home: Env, cstar: RunCstar, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    env = {**home, "CSTAR_HOME": str(tmp_path / "file" / "home")}
    for command in (["listen"], ["trigger", "ticket.created"], ["cloud", "serve"]):
        done = cstar(*command, env=env)
        assert done.returncode == 1
        assert "Make the folder writable, or set CSTAR_HOME to one that is." in done.stderr
        assert "Traceback" not in done.stderr
