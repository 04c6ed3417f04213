"""`cstar trigger --forward-to`: nothing of its cloud is left, however it ends."""

import signal
import threading
from pathlib import Path

import pytest

from tests.processes import CSTAR, Env, RunCstar, Running
from tests.receiver import Answer, StartReceiver


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_130_and_nothing_is_left(
    home: Env, tmp_path: Path, scratch: Path, receiver: StartReceiver, number: signal.Signals
) -> None:
    app = receiver(Answer(until=threading.Event()))
    command = [*CSTAR, "trigger", "ticket.created", "--forward-to", app.url]
    with Running(command, {**home, "TMPDIR": str(scratch)}, tmp_path) as sending:
        app.wait_for(1)
        assert list(scratch.iterdir())
        sending.signal(number)
        assert sending.wait(10) == 130
        assert "Traceback" not in sending.stderr
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("status", [200, 500])
def test_nothing_is_left_when_it_is_done(
    cstar: RunCstar, home: Env, scratch: Path, receiver: StartReceiver, status: int
) -> None:
    env = {**home, "TMPDIR": str(scratch)}
    done = cstar("trigger", "ticket.created", "--forward-to", receiver(Answer(status)).url, env=env)
    assert done.returncode == (0 if status == 200 else 1)
    assert list(scratch.iterdir()) == []


def test_an_empty_address_is_refused(cstar: RunCstar) -> None:
    done = cstar("trigger", "ticket.created", "--forward-to", "")
    assert done.returncode == 2
    assert done.stderr.startswith("cstar: --forward-to is empty")


def test_many_events_are_forwarded_each_once(cstar: RunCstar, receiver: StartReceiver) -> None:
    app = receiver()
    done = cstar("trigger", "ticket.created", "--forward-to", app.url, "--count", "60", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(app.requests) == len({request.headers["x-cstar-delivery"] for request in app.requests}) == 60
