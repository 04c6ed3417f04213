"""`listen` against real receivers: what is forwarded, in which order, and how it ends."""

import hashlib
import hmac
import json
import signal
import threading
from pathlib import Path

from ..processes import CSTAR, Env, RunCstar, Running, StartListening, StartServing
from ..receiver import Answer, StartReceiver
from .conftest import StartApi


def test_an_event_arrives_signed_over_its_exact_bytes(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar
) -> None:
    app = receiver()
    listener = listening("-f", app.url)
    cstar("trigger", "ticket.created", "--data", '{"title":"caf\\u00e9","n":1.0,"10":1,"9":2}')
    request = app.wait_for(1)[0]
    assert b'"data":{"9":2,"10":1,"title":"caf\xc3\xa9","n":1}}' in request.body
    signature = hmac.new(listener.ready["secret"].encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-cstar-signature"] == signature
    assert request.headers["x-cstar-event"] == "ticket.created"
    assert request.headers["content-type"] == "application/json"
    line = listener.next_of("forwarded")
    assert line["delivery_id"] == request.headers["x-cstar-delivery"]
    assert list(line) == [
        "type", "event_id", "event_type", "delivery_id", "attempt", "url", "status", "duration_ms", "outcome", "error",
        "next_attempt_at",
    ]  # fmt: skip


def test_the_secret_stays_the_same_across_restarts(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar
) -> None:
    first = listening("-f", receiver().url)
    first.stop()
    second = listening("-f", receiver().url)
    assert first.ready["secret"] == second.ready["secret"] == cstar("listen", "--print-secret").stdout.strip()


def test_a_handler_that_hangs_delays_no_other_event(
    listening: StartListening, receiver: StartReceiver, api: StartApi
) -> None:
    gate = threading.Event()
    app = receiver(Answer(until=gate))
    listener = listening("-f", app.url)
    cloud = api()
    held = cloud.post_event("ticket.created")["event"]["id"]
    app.wait_for(1)
    app.answer = Answer()
    others = [cloud.post_event("ticket.updated")["event"]["id"] for _ in range(40)]
    assert {line["event_id"] for line in listener.take(40)} == set(others)
    gate.set()
    assert listener.next_of("forwarded")["event_id"] == held


def test_at_a_breakpoint_no_time_is_up_and_the_others_wait(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar, home: Env
) -> None:
    gate = threading.Event()
    app = receiver(Answer(until=gate))
    listener = listening("-f", app.url, "--debug-wait", env={**home, "CSTAR_LISTEN_TIMEOUT": "0.05"})
    cstar("trigger", "ticket.created")
    app.wait_for(1)
    cstar("trigger", "ticket.created", "--count", "2")  # which takes longer than the timeout that gives way
    assert len(app.requests) == 1
    gate.set()
    assert [line["outcome"] for line in listener.take(3)] == ["succeeded"] * 3


def test_events_arrive_in_the_order_of_their_commit(
    listening: StartListening, receiver: StartReceiver, api: StartApi
) -> None:
    app = receiver()
    listening("-f", app.url, "--concurrency", "1")
    cloud = api()
    made = [cloud.post_event("ticket.created", {"n": n})["event"]["id"] for n in range(100)]
    assert [json.loads(request.body)["id"] for request in app.wait_for(100)] == made


def test_two_listeners_each_get_what_their_filters_take(
    listening: StartListening, receiver: StartReceiver, api: StartApi
) -> None:
    tickets, rest = receiver(), receiver()
    listening("-f", tickets.url, "-e", "ticket.*,!ticket.updated")
    listening("-f", rest.url, "-e", "!ticket.*", "-e", "*.created")
    cloud = api()
    for event_type in ("ticket.created", "ticket.updated", "customer.created", "boss.spawned"):
        cloud.post_event(event_type)
    cloud.post_event("ticket.closed")
    cloud.post_event("article.created")
    assert [request.headers["x-cstar-event"] for request in tickets.wait_for(2)] == ["ticket.created", "ticket.closed"]
    seen = [request.headers["x-cstar-event"] for request in rest.wait_for(2)]
    assert seen == ["customer.created", "article.created"]


def test_ctrl_c_finishes_what_is_in_flight_and_records_it(
    listening: StartListening, receiver: StartReceiver, serving: StartServing, api: StartApi
) -> None:
    serving()  # a cloud of its own, to be asked after the listener has gone
    gate = threading.Event()
    app = receiver(Answer(until=gate))
    listener = listening("-f", app.url)
    cloud = api()
    delivery = cloud.post_event("ticket.created")["deliveries"][0]["id"]
    app.wait_for(1)
    listener.signal(signal.SIGINT)
    listener.await_stderr("Finishing 1 in flight")
    gate.set()
    assert listener.wait() == 130
    assert "1 succeeded" in listener.stderr
    assert cloud.get(f"/deliveries/{delivery}")["status"] == "succeeded"


def test_a_second_ctrl_c_ends_at_once_and_the_log_says_so(
    listening: StartListening, receiver: StartReceiver, serving: StartServing, api: StartApi
) -> None:
    serving()
    app = receiver(Answer(until=threading.Event()))
    listener = listening("-f", app.url)
    cloud = api()
    cloud.post_event("ticket.created")
    app.wait_for(1)
    listener.signal(signal.SIGINT)
    listener.await_stderr("Finishing 1 in flight; Ctrl-C ends at once.")
    listener.signal(signal.SIGINT)
    assert listener.wait(5) == 130
    assert "1 unfinished" in listener.stderr
    assert "Traceback" not in listener.stderr


def test_a_listener_that_ends_at_once_with_the_cloud_inside_leaves_no_session(
    listening: StartListening, receiver: StartReceiver, api: StartApi
) -> None:
    app = receiver(Answer(until=threading.Event()))
    listener = listening("-f", app.url)
    api().post_event("ticket.created")
    app.wait_for(1)
    listener.signal(signal.SIGINT)
    listener.await_stderr("Finishing 1 in flight")
    listener.signal(signal.SIGINT)
    listener.wait(5)
    listening("-f", receiver().url)
    assert len(api().post_event("ticket.created")["deliveries"]) == 1


def test_a_script_waits_for_the_ready_file_and_takes_the_exit_code_of_one_event(
    listening: StartListening, receiver: StartReceiver, serving: StartServing, cstar: RunCstar, tmp_path: Path
) -> None:
    serving()
    ready = tmp_path / "ready.json"
    for status, code in ((200, 0), (500, 1)):
        app = receiver(Answer(status))
        listener = listening("-f", app.url, "--once", "--for", "1m", "--ready-file", str(ready))
        told = json.loads(ready.read_text())
        assert (told["session_id"], told["forward_to"]) == (listener.ready["session_id"], app.url)
        assert told["pid"] == listener.pid
        cstar("trigger", "ticket.created", "--count", "3")
        assert listener.wait() == code
        assert len(app.requests) == 1
        assert not ready.exists()


def test_under_nohup_it_goes_on_when_the_terminal_is_closed(
    home: Env, tmp_path: Path, receiver: StartReceiver, cstar: RunCstar
) -> None:
    app = receiver()
    with Running(["nohup", *CSTAR, "listen", "--json", "-f", app.url], home, tmp_path) as listener:
        assert '"ready"' in listener.next_line()
        listener.signal(signal.SIGHUP)
        assert cstar("trigger", "ticket.created", "--wait").returncode == 0
        assert listener.stop() == 130


def test_a_stopped_listener_leaves_no_delivery_open(
    listening: StartListening, receiver: StartReceiver, serving: StartServing, api: StartApi
) -> None:
    serving()
    gate = threading.Event()
    app = receiver(Answer(until=gate))
    listener = listening("-f", app.url, "--concurrency", "1")
    cloud = api()
    deliveries = [cloud.post_event("ticket.created")["deliveries"][0]["id"] for _ in range(3)]
    app.wait_for(1)
    listener.signal(signal.SIGINT)
    listener.await_stderr("Finishing 1 in flight")
    gate.set()
    listener.wait()
    told = [cloud.get(f"/deliveries/{delivery}") for delivery in deliveries]
    assert [delivery["status"] for delivery in told] == ["succeeded", "failed", "failed"]
    assert told[1]["attempts"][0]["error"] == "the listener ended before it answered this"
    assert len(app.requests) == 1


def test_what_fails_is_tried_again_by_the_schedule_until_it_succeeds(
    listening: StartListening, receiver: StartReceiver, home: Env, tmp_path: Path
) -> None:
    app = receiver(Answer(500))
    listener = listening("-f", app.url, "--retry-speed", "600")
    with Running([*CSTAR, "trigger", "ticket.created", "--expect", "2xx"], home, tmp_path) as sending:
        app.wait_for(2)
        app.answer = Answer()
        assert sending.wait() == 0, sending.stderr
        assert sum("retry at " in line for line in sending.rest()) == 2
    lines = listener.take(3)
    assert [(line["attempt"], line["status"], line["next_attempt_at"] is None) for line in lines] == [
        (1, 500, False),
        (2, 500, False),
        (3, 200, True),
    ]
    assert len({request.headers["x-cstar-delivery"] for request in app.wait_for(3)}) == 1


def test_the_command_that_a_failure_is_hinted_with_sends_it_again_signed_anew(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar, home: Env, tmp_path: Path
) -> None:
    app = receiver(Answer(500))
    bystander = receiver()
    with Running([*CSTAR, "listen", "-f", app.url, "--secret", "whsec_mine"], home, tmp_path) as listener:
        while not listener.next_line().startswith("Ready!"):
            pass
        listening("-f", bystander.url)
        cstar("trigger", "ticket.created")
        first = app.wait_for(1)[0]
        while not (line := listener.next_line()).startswith("    Hint: to send it again: cstar "):
            pass
        app.answer = Answer()
        assert cstar(*line.partition(": cstar ")[2].split()).returncode == 0
        again = app.wait_for(2)[1]
        assert again.body == first.body
        assert again.headers["x-cstar-delivery"] != first.headers["x-cstar-delivery"]
        assert again.headers["x-cstar-signature"] == hmac.new(b"whsec_mine", again.body, hashlib.sha256).hexdigest()
        assert len(bystander.requests) == 1
        assert listener.stop() == 130


def test_what_came_while_nobody_listened_comes_with_since_and_is_counted(
    serving: StartServing, listening: StartListening, receiver: StartReceiver, api: StartApi
) -> None:
    serving()
    cloud = api()
    made = [cloud.post_event("ticket.created")["event"]["id"] for _ in range(3)]
    app = receiver()
    listener = listening("-f", app.url, "--since", "1h")
    assert listener.next_of("caught_up")["events"] == len(made)
    assert {json.loads(request.body)["id"] for request in app.wait_for(len(made))} == set(made)


def test_only_mine_takes_what_this_machine_triggers(
    listening: StartListening, receiver: StartReceiver, api: StartApi, cstar: RunCstar
) -> None:
    app = receiver()
    listener = listening("-f", app.url, "--only-mine")
    api().post_event("ticket.created")
    cstar("trigger", "ticket.closed")
    assert listener.next_of("forwarded")["event_type"] == "ticket.closed"
    assert len(app.requests) == 1
