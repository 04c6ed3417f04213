"""`trigger` through the whole path, and without any cloud."""

import json
import signal
import threading
from pathlib import Path

from ..processes import CSTAR, Env, RunCstar, Running, StartListening
from ..receiver import Answer, StartReceiver


def test_forward_to_needs_no_cloud_and_exits_by_the_outcome(cstar: RunCstar, receiver: StartReceiver) -> None:
    app = receiver()
    done = cstar("trigger", "boss.defeated", "--forward-to", app.url)
    assert (done.returncode, len(app.requests)) == (0, 1)
    app.answer = Answer(500, b"out of order")
    failed = cstar("trigger", "boss.defeated", "--forward-to", app.url)
    assert failed.returncode == 1
    assert "out of order" in failed.stdout


def test_forward_to_signs_with_the_profiles_secret(cstar: RunCstar, receiver: StartReceiver) -> None:
    from cstar_cli.signing import verify

    app = receiver()
    cstar("trigger", "boss.defeated", "--forward-to", app.url)
    secret = cstar("listen", "--print-secret").stdout.strip()
    request = app.wait_for(1)[0]
    assert verify(request.body, request.headers["x-cstar-signature"], secret)


def test_forward_to_exits_5_when_another_status_was_expected(cstar: RunCstar, receiver: StartReceiver) -> None:
    url = receiver(Answer(404)).url
    assert cstar("trigger", "boss.defeated", "--forward-to", url, "--expect", "404").returncode == 0
    assert cstar("trigger", "boss.defeated", "--forward-to", url, "--expect", "2xx").returncode == 5


def test_forward_to_runs_beside_a_cloud_without_touching_it(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    listened, direct = receiver(), receiver()
    listening("-f", listened.url)
    assert cstar("trigger", "boss.defeated", "--forward-to", direct.url, "--count", "3").returncode == 0
    assert (len(direct.requests), len(listened.requests)) == (3, 0)


def test_forward_to_with_json_prints_only_json(cstar: RunCstar, receiver: StartReceiver) -> None:
    done = cstar("trigger", "boss.defeated", "--forward-to", receiver().url, "--json")
    answer, attempt = map(json.loads, done.stdout.splitlines())
    assert attempt["delivery_id"] == answer["data"]["deliveries"][0]["id"]
    assert attempt["outcome"] == "succeeded"


def test_forward_to_ends_at_ctrl_c(home: Env, tmp_path: Path, receiver: StartReceiver) -> None:
    app = receiver(Answer(until=threading.Event()))
    command = [*CSTAR, "trigger", "boss.defeated", "--forward-to", app.url]
    with Running(command, home, tmp_path) as running:
        app.wait_for(1)
        running.signal(signal.SIGINT)
        assert running.wait(8) == 130
        assert "Traceback" not in running.stderr


def test_wait_shows_what_each_listener_answered(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    listening("-f", receiver().url)
    listening("-f", receiver(Answer(503)).url)
    done = cstar("trigger", "ticket.created", "--wait", "--json")
    outcomes = {json.loads(line)["status"] for line in done.stdout.splitlines()[1:]}
    assert outcomes == {200, 503}
    assert done.returncode == 1


def test_what_is_printed_is_what_would_be_sent(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    app = receiver()
    listening("-f", app.url)
    changes = ("--override", "priority=urgent", "--add", "note:=1.50", "--remove", "assignee_id")
    printed = json.loads(cstar("trigger", "ticket.created", *changes, "--print").stdout)
    cstar("trigger", "ticket.created", *changes)
    sent = json.loads(app.wait_for(1)[0].body)
    assert list(sent) == list(printed)
    assert list(sent["data"]) == list(printed["data"])
    assert (sent["data"]["priority"], sent["data"]["note"]) == ("urgent", 1.5)
