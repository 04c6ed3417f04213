import json
import socket
import subprocess
from pathlib import Path

import pytest

from tests.processes import CSTAR, Env, RunCstar, StartListening
from tests.receiver import Answer, StartReceiver


def waiting(home: Env, folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    command, pipe = [*CSTAR, "wait", *arguments], subprocess.PIPE
    return subprocess.Popen(command, env=dict(home), cwd=folder, stdout=pipe, stderr=pipe, text=True)


def trigger_until_it_ends(cstar: RunCstar, waiting: "subprocess.Popen[str]", *arguments: str) -> None:
    """Send events, however long the other process takes to begin to look."""
    while waiting.poll() is None:
        assert cstar("trigger", *arguments).returncode == 0


def test_it_ends_when_such_an_event_was_delivered(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver, home: Env, tmp_path: Path
) -> None:
    listening("--forward-to", receiver().url)
    with waiting(home, tmp_path, "ticket.*", "--json") as process:
        trigger_until_it_ends(cstar, process, "ticket.created")
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    attempt = json.loads(out)
    assert (attempt["event_type"], attempt["status"]) == ("ticket.created", 200)


def test_only_an_event_with_the_wanted_values_counts(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    listening("--forward-to", receiver().url)
    cstar("trigger", "ticket.created", "-o", "priority=low", "-o", "number:=7", "--expect", "2xx")
    wanted = ("--since", "1h", "--timeout", "500ms")
    assert cstar("wait", "ticket.created", "--where", "data.priority=low", *wanted).returncode == 0
    assert cstar("wait", "ticket.created", "--where", "data.number:=7", *wanted).returncode == 0
    for other in ("data.priority=high", "data.number=7", "data.nothing=1"):
        done = cstar("wait", "ticket.created", "--where", other, *wanted)
        assert (done.returncode, done.stdout) == (5, "")
        assert "No ticket.created was delivered with success in 0.5 s." in done.stderr


def test_what_failed_does_not_count(cstar: RunCstar, listening: StartListening, receiver: StartReceiver) -> None:
    listening("--forward-to", receiver(Answer(status=500)).url)
    cstar("trigger", "ticket.created", "--wait")
    assert cstar("wait", "ticket.created", "--since", "1h", "--timeout", "500ms").returncode == 5


def test_a_cloud_that_starts_later_is_waited_for(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver, home: Env, tmp_path: Path
) -> None:
    with waiting(home, tmp_path, "boss.spawned", "--timeout", "60s") as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        listening("--forward-to", receiver().url)
        trigger_until_it_ends(cstar, process, "boss.spawned")
        assert process.wait(timeout=30) == 0


def test_without_any_cloud_it_exits_3_in_time(cstar: RunCstar) -> None:
    assert cstar("wait", "ticket.created", "--timeout", "300ms").returncode == 3


def test_a_cloud_that_takes_connections_and_never_answers_is_given_up_in_time(cstar: RunCstar) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for more in ((), ("--since", "1h")):
            done = cstar("wait", "ticket.created", "--timeout", "300ms", "--api-base", base, *more)
            assert done.returncode == 3
            assert "hasn't answered in 0.3 s" in done.stderr


@pytest.mark.parametrize("arguments", [("--timeout", "soon"), ("--where", "nothing"), ("--since", "soon")])
def test_words_that_mean_nothing_are_usage_errors(cstar: RunCstar, arguments: tuple[str, str]) -> None:
    assert cstar("wait", "ticket.created", *arguments).returncode == 2
