"""`cstar listen -- COMMAND` with a real application: what it is given, what passes through, and that both end."""

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ..processes import CSTAR, Env, Listening, RunCstar, StartListening, StartServing, free_port
from .conftest import StartApi
from .terminal import Terminal

APPLICATION = str(Path(__file__).with_name("application.py"))


def beside(port: int, *how: str, path: str = "webhook") -> list[str]:
    """Return the arguments that have the application listened for."""
    return ["-f", f"{port}/{path}", "--", sys.executable, APPLICATION, str(port), *how]


@pytest.fixture
def starting(home: Env, tmp_path: Path) -> Iterator[ExitStack]:
    """Where a listener is ended that is started without waiting for it."""
    with ExitStack() as started:
        yield started


def test_it_gets_the_secret_what_it_prints_is_no_line_of_ours_and_its_exit_code_is(
    listening: StartListening, api: StartApi
) -> None:
    port = free_port()
    listener = listening(*beside(port, path="exit/7"))
    listener.await_stderr(f"app: secret {listener.ready['secret']}, pid")
    assert listener.ready["forward_to"] == f"http://localhost:{port}/exit/7"
    api().post_event("ticket.created")
    assert listener.next_of("forwarded")["status"] == 200
    assert listener.wait() == 7
    assert "app: got ticket.created\n" in listener.stderr
    assert re.search(r"^python\S* ended with exit code 7\.$", listener.stderr, re.MULTILINE)


def test_it_gets_the_secret_under_each_name_that_is_given(cstar: RunCstar) -> None:
    named = ["--secret-env", "A", "--secret-env", "B", "--secret", "whsec_1", "-f", str(free_port())]
    told = cstar("listen", *named, "--", "sh", "-c", 'echo "$A $B $CSTAR_WEBHOOK_SECRET."')
    assert told.stdout == "whsec_1 whsec_1 .\n"


def test_ready_is_said_when_its_port_answers(
    home: Env, tmp_path: Path, starting: ExitStack, serving: StartServing, api: StartApi
) -> None:
    serving()
    listener = starting.enter_context(Listening(beside(free_port(), "waits"), home, tmp_path))
    listener.await_stderr("app: terminals")
    cloud = api()
    while not cloud.post_event("ticket.created")["deliveredTo"]:
        pass
    [pid] = re.findall(r"pid (\d+)", listener.stderr)
    os.kill(int(pid), signal.SIGUSR1)
    assert listener.next()["type"] == "ready"
    assert listener.next_of("forwarded")["status"] == 200  # what came meanwhile has waited


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ([sys.executable, "-c", "raise SystemExit(3)"], 3, "ended with exit code 3 before anything answered on"),
        ([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], 137, "was ended by SIGKILL before any"),
        (["no-such-command"], 127, "Can't run 'no-such-command': there is no such command. Check its name"),
        ([], 2, "There is no command behind --."),
    ],
    ids=["fails", "is killed", "is missing", "is not there"],
)
def test_what_does_not_come_up_is_told_with_its_exit_code(
    cstar: RunCstar, command: list[str], code: int, said: str
) -> None:
    done = cstar("listen", "-f", str(free_port()), "--", *command)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("first_line", "code"), [("", 126), ("#!/no/such/shell\n", 127)])
def test_a_script_that_nothing_runs_is_told(cstar: RunCstar, tmp_path: Path, first_line: str, code: int) -> None:
    (tmp_path / "dev").write_text(f"{first_line}echo")
    (tmp_path / "dev").chmod(0o755)
    done = cstar("listen", "-f", str(free_port()), "--", "./dev")
    assert done.returncode == code
    assert "Can't run ./dev: " in done.stderr.splitlines()[-1]


def test_a_signal_to_us_alone_reaches_it_once_and_nothing_is_left(listening: StartListening) -> None:
    listener = listening(*beside(free_port()))
    listener.signal(signal.SIGINT)
    assert listener.wait() == 130
    assert re.findall("app: heard .*", listener.stderr) == ["app: heard SIGINT"]
    assert not listener.has_left_children()


def test_a_grandchild_that_nobody_tells_is_ended(listening: StartListening) -> None:
    listener = listening(*beside(free_port(), "careless"))
    listener.signal(signal.SIGTERM)
    assert listener.wait() == 130
    assert not listener.has_left_children()


def test_a_second_signal_ends_one_that_is_deaf(listening: StartListening) -> None:
    listener = listening(*beside(free_port(), "deaf"))
    listener.signal(signal.SIGINT)
    listener.await_stderr("Waiting for python")
    listener.signal(signal.SIGINT)
    assert listener.wait() == 130
    assert not listener.has_left_children()


def test_where_listening_fails_it_is_ended_and_our_exit_code_counts(
    home: Env, tmp_path: Path, starting: ExitStack
) -> None:
    nowhere = ["--api-base", f"http://127.0.0.2:{free_port()}", *beside(free_port())]
    listener = starting.enter_context(Listening(nowhere, home, tmp_path))
    assert listener.wait() == 3
    assert "No cloud answers" in listener.stderr.splitlines()[-1]
    assert not listener.has_left_children()


def test_it_has_the_terminal_ctrl_c_reaches_it_once_and_the_terminal_is_put_back(home: Env, tmp_path: Path) -> None:
    with Terminal([*CSTAR, "listen", *beside(free_port(), "reads", "mute")], home, tmp_path) as window:
        window.read_until("Ready!")
        assert not window.echoes()
        window.press(b"hello\n")
        window.read_until("app: read hello")
        window.press(b"\x03")
        assert window.wait() == 130
        assert window.echoes()
    assert "app: terminals [True, True, True]" in window.lines
    assert "\n".join(window.lines).count("app: heard SIGINT\n") == 1
    assert window.lines[-2] == "Stopped: 0 forwarded, 0 succeeded, 0 failed."
