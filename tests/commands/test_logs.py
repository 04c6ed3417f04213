import json
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.processes import CSTAR, Env, RunCstar, StartListening, StartServing
from tests.receiver import StartReceiver

PATIENCE_S = 20


class Tailing:
    """A running `cstar logs tail`, its two outputs read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._out: queue.Queue[str] = queue.Queue()
        self._err: queue.Queue[str] = queue.Queue()
        for stream, lines in ((process.stdout, self._out), (process.stderr, self._err)):
            assert stream
            threading.Thread(target=lambda s=stream, q=lines: [q.put(line) for line in s], daemon=True).start()

    def line(self) -> str:
        return self._out.get(timeout=PATIENCE_S).rstrip("\n")

    def error_line(self) -> str:
        return self._err.get(timeout=PATIENCE_S).rstrip("\n")


@contextmanager
def tailing(home: Env, *arguments: str) -> Iterator[Tailing]:
    with subprocess.Popen(
        [*CSTAR, "logs", "tail", *arguments],
        env=dict(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            yield Tailing(process)
        finally:
            process.kill()


def trigger(cstar: RunCstar, event_type: str = "ticket.created") -> str:
    done = cstar("trigger", event_type, "--wait", "--json")
    return str(json.loads(done.stdout.splitlines()[0])["data"]["event"]["id"])


def test_past_attempts_are_shown_and_then_it_ends_without_following(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    listening("--forward-to", receiver().url)
    ids = [trigger(cstar) for _ in range(3)]
    done = cstar("logs", "tail", "--no-follow", "--lines", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[3] for line in done.stdout.splitlines()] == ids[1:]


def test_json_has_one_attempt_a_line(cstar: RunCstar, listening: StartListening, receiver: StartReceiver) -> None:
    listening("--forward-to", receiver().url)
    event_id = trigger(cstar)
    [line] = cstar("logs", "tail", "--no-follow", "--json").stdout.splitlines()
    attempt = json.loads(line)
    assert list(attempt) == [
        "time",
        "event_id",
        "event_type",
        "delivery_id",
        "attempt",
        "target",
        "url",
        "status",
        "duration_ms",
        "outcome",
        "error",
        "next_attempt_at",
        "target_name",
    ]
    assert (attempt["event_id"], attempt["status"], attempt["outcome"]) == (event_id, 200, "succeeded")


def test_the_filters_choose_among_the_attempts(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    listening("--forward-to", receiver().url)
    trigger(cstar)
    boss = trigger(cstar, "boss.spawned")
    shown = cstar("logs", "tail", "--no-follow", "--since", "1h", "-e", "boss.*", "--status", "2xx").stdout.splitlines()
    assert [line.split()[3] for line in shown] == [boss]
    assert cstar("logs", "tail", "--no-follow", "--status", "failed").stdout == ""


def test_a_restart_of_the_cloud_leaves_neither_gap_nor_repeat(
    cstar: RunCstar, home: Env, serving: StartServing, listening: StartListening, receiver: StartReceiver
) -> None:
    cloud = serving()
    listener = listening("--forward-to", receiver().url)
    first = trigger(cstar)
    with tailing(home, "--json") as tail:
        assert json.loads(tail.line())["event_id"] == first
        cloud.kill()
        assert tail.error_line() == "the cloud is gone; waiting for it…"
        listener.next_of("reconnected")
        second = trigger(cstar)
        assert tail.error_line() == "the cloud is back"
        assert json.loads(tail.line())["event_id"] == second


def test_ctrl_c_exits_130(cstar: RunCstar, home: Env, listening: StartListening, receiver: StartReceiver) -> None:
    listening("--forward-to", receiver().url)
    trigger(cstar)
    with tailing(home) as tail:
        tail.line()
        tail.process.send_signal(signal.SIGINT)
        assert tail.process.wait(timeout=PATIENCE_S) == 130


def test_without_a_cloud_at_the_start_it_exits_3(cstar: RunCstar) -> None:
    done = cstar("logs", "tail")
    assert done.returncode == 3
    assert "cstar listen" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--since", "yesterday"), "neither a duration"),
        (("--events", "a b"), "is not an event filter"),
        (("--since", "1h", "--lines", "3"), "--since and --lines"),
        (("--lines", "-1"), "--lines"),
    ],
)
def test_what_makes_no_sense_exits_2(cstar: RunCstar, arguments: tuple[str, ...], message: str) -> None:
    done = cstar("logs", "tail", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_filter_that_no_known_type_passes_warns(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    listening("--forward-to", receiver().url)
    done = cstar("logs", "tail", "--no-follow", "-e", "tikcet.*")
    assert done.returncode == 0
    assert done.stderr == "No known event type matches tikcet.*. Did you mean ticket.*?\n"
