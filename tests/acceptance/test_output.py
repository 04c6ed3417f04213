"""Output whose reader stops or leaves, a full disk, streams that can't show everything."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..processes import CSTAR, Env, RunCstar, StartListening, StartServing
from ..receiver import Answer, StartReceiver
from .conftest import StartApi

SOON_S = 15.0
ANSI = re.compile(r"\x1b")


class Writing:
    """A running command whose stdout the test reads when it likes, or closes, or never touches."""

    def __init__(self, command: tuple[str, ...], env: Env, folder: Path, stdout: int) -> None:
        self._stderr = folder / "stderr"
        with self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                [*CSTAR, *command], env=dict(env), cwd=folder, stdout=stdout, stderr=stderr, start_new_session=True
            )

    @property
    def stderr(self) -> str:
        return self._stderr.read_text("utf-8", "replace")

    def read_line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().decode()

    def close_stdout(self) -> None:
        assert self._process.stdout
        self._process.stdout.close()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Return the exit code, once the process has ended by itself."""
        return self._process.wait(SOON_S)

    def end(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


StartWriting = Callable[..., Writing]


@pytest.fixture
def writing(home: Env, tmp_path: Path) -> Iterator[StartWriting]:
    with contextlib.ExitStack() as started:

        def start(*command: str, stdout: int = subprocess.PIPE) -> Writing:
            process = Writing(command, home, tmp_path, stdout)
            started.callback(process.end)
            return process

        yield start


@pytest.fixture
def full_disk() -> Iterator[int]:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("options", [("--json",), ()], ids=["json", "lines"])
def test_a_reader_that_leaves_ends_the_listener_quietly_and_its_session(
    serving: StartServing, writing: StartWriting, receiver: StartReceiver, api: StartApi, options: tuple[str, ...]
) -> None:
    serving()
    app = receiver()
    listener = writing("listen", "-f", app.url, *options)
    line = listener.read_line()
    while not (line.startswith("Ready!") or '"ready"' in line):
        line = listener.read_line()
    listener.close_stdout()
    cloud = api()
    assert cloud.post_event("ticket.created")["deliveredTo"] == 1
    assert listener.wait() == 1
    assert "Traceback" not in listener.stderr
    assert "cstar:" not in listener.stderr
    assert cloud.post_event("ticket.created")["deliveredTo"] == 0
    assert cloud.get("/deliveries")[0]["status"] == "succeeded"


def test_a_reader_that_leaves_ends_the_tail_quietly(
    listening: StartListening, writing: StartWriting, receiver: StartReceiver, api: StartApi
) -> None:
    listener = listening("-f", receiver().url)
    cloud = api()
    cloud.post_event("ticket.created")
    listener.next_of("forwarded")
    tail = writing("logs", "tail")
    tail.read_line()
    tail.close_stdout()
    cloud.post_event("ticket.created")
    assert tail.wait() == 1
    assert tail.stderr == ""


def test_a_reader_that_leaves_ends_the_trigger_quietly(
    listening: StartListening, writing: StartWriting, receiver: StartReceiver
) -> None:
    listening("-f", receiver().url)
    trigger = writing("trigger", "ticket.created", "--count", "1000", "--json")
    assert json.loads(trigger.read_line())["success"] is True
    trigger.close_stdout()
    assert trigger.wait() == 1
    assert trigger.stderr == ""


def test_a_reader_that_leaves_as_ctrl_c_is_pressed_cuts_nothing_short(
    serving: StartServing, writing: StartWriting, receiver: StartReceiver, api: StartApi
) -> None:
    serving()
    gate = threading.Event()
    app = receiver(Answer(until=gate))
    listener = writing("listen", "-f", app.url, "--json")
    listener.read_line()
    cloud = api()
    ids = [cloud.post_event("ticket.created")["deliveries"][0]["id"] for _ in range(3)]
    app.wait_for(3)
    listener.signal(signal.SIGINT)
    listener.close_stdout()
    gate.set()
    assert listener.wait() in (1, 130)  # whichever it has noticed first
    assert [cloud.get(f"/deliveries/{id}")["status"] for id in ids] == ["succeeded"] * 3


def test_a_reader_that_stops_keeps_the_tunnel_alive_and_gets_every_line_later(
    serving: StartServing, writing: StartWriting, receiver: StartReceiver, api: StartApi, cstar: RunCstar
) -> None:
    serving()
    app = receiver()
    listener = writing("listen", "-f", app.url, "--json")
    listener.read_line()
    cloud = api()
    made = {cloud.post_event("ticket.created")["event"]["id"] for _ in range(3000)}
    app.wait_for(1000)  # a pipe holds some 200 lines: forwarding goes on although nobody reads
    assert json.loads(cstar("cloud", "status", "--json").stdout)["sessions"] == 1
    lines = [json.loads(listener.read_line()) for _ in range(3000)]
    assert {line["type"] for line in lines} == {"forwarded"}
    assert {line["event_id"] for line in lines} == made


def test_ctrl_c_does_not_wait_for_a_reader_that_stopped(
    serving: StartServing, writing: StartWriting, receiver: StartReceiver, api: StartApi
) -> None:
    serving()
    app = receiver()
    listener = writing("listen", "-f", app.url, "--json")
    listener.read_line()
    cloud = api()
    for _ in range(2000):
        cloud.post_event("ticket.created")
    app.wait_for(1000)
    listener.signal(signal.SIGINT)
    assert listener.wait() == 130
    assert "unfinished" not in listener.stderr


@pytest.mark.parametrize("options", [("--json",), ()], ids=["json", "lines"])
def test_a_full_disk_ends_the_listener_with_a_clear_error(
    writing: StartWriting, receiver: StartReceiver, full_disk: int, options: tuple[str, ...]
) -> None:
    listener = writing("listen", "-f", receiver().url, *options, stdout=full_disk)
    assert listener.wait() == 1
    assert listener.stderr.splitlines()[-1] == "cstar: Can't write the output: No space left on device"
    assert "Traceback" not in listener.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("trigger", "ticket.created"),
        ("trigger", "ticket.created", "--print"),
        ("trigger", "ticket.created", "--json"),
        ("trigger", "--list"),
        ("logs", "tail", "--no-follow"),
        ("cloud", "status"),
        ("listen", "--print-secret"),
        ("--version",),
    ],
    ids=" ".join,
)
def test_a_full_disk_is_a_clear_error_of_every_command(
    listening: StartListening,
    writing: StartWriting,
    receiver: StartReceiver,
    cstar: RunCstar,
    full_disk: int,
    command: tuple[str, ...],
) -> None:
    listening("-f", receiver().url)
    cstar("trigger", "ticket.created", "--wait")
    done = writing(*command, stdout=full_disk)
    assert done.wait() == 1
    assert done.stderr == "cstar: Can't write the output: No space left on device\n"


@pytest.mark.parametrize(
    "command",
    [("events", "types"), ("types", "generate", "--lang", "go"), ("events", "types", "--json"), ("fixtures", "list")],
    ids=" ".join,
)
def test_a_reader_that_leaves_what_is_only_printed_is_no_failure(
    home: Env, tmp_path: Path, command: tuple[str, ...]
) -> None:
    reading, closed = os.pipe()
    os.close(reading)
    listed = Writing(command, home, tmp_path, closed)
    os.close(closed)
    assert (listed.wait(), listed.stderr) == (0, "")


def test_what_is_piped_has_no_colours_and_says_when_it_is_ready(
    writing: StartWriting, receiver: StartReceiver, cstar: RunCstar
) -> None:
    app = receiver(Answer(500))
    listener = writing("listen", "-f", app.url)
    lines = [listener.read_line()]
    while not lines[-1].startswith("Ready!"):
        lines.append(listener.read_line())
    cstar("trigger", "ticket.created")
    assert listener.read_line() == "\n"
    lines.append(listener.read_line())
    assert " 500 " in lines[-1]
    assert not ANSI.search("".join(lines))


def test_colours_can_be_forced_through_a_pipe(home: Env, cstar: RunCstar, serving: StartServing) -> None:
    serving()
    done = cstar("trigger", "ticket.created", env={**home, "FORCE_COLOR": "1"})
    assert "\x1b[3" in done.stdout
    done = cstar("trigger", "ticket.created", "--no-color", env={**home, "FORCE_COLOR": "1"})
    assert not ANSI.search(done.stdout)


@pytest.mark.parametrize(
    "variables",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["PYTHONIOENCODING", "LC_ALL"],
)
def test_where_only_ascii_can_be_shown_everything_still_works(
    home: Env, cstar: RunCstar, serving: StartServing, variables: dict[str, str]
) -> None:
    serving()
    env = {**home, **variables}
    assert cstar("trigger", "ticket.created", env=env).stdout.startswith("+ ticket.created")
    done = cstar("trigger", "ticket.created", "--data", '{"title":"\\u65e5\\u672c"}', "--print", env=env)
    assert done.stdout.endswith('"data":{"title":"\u65e5\u672c"}}\n')
    assert cstar("logs", "tail", "--no-follow", env=env).returncode == 0
