"""Scripts branch on exit codes, people read the one line that comes with them."""

import pytest

from cstar_cli.errors import ExitCode
from tests.processes import Env, RunCstar, StartListening, StartServing
from tests.receiver import Answer, StartReceiver

ASKING_THE_CLOUD = pytest.mark.parametrize(
    "arguments",
    [
        ("trigger", "ticket.created"),
        ("logs", "tail"),
        ("webhooks", "list"),
        ("deliveries", "list", "--json"),
        ("cloud", "status"),
        ("cloud", "keys", "list"),
        ("whoami",),
    ],
    ids=" ".join,
)


def one_clear_line(stderr: str) -> str:
    """Return the last line, which must be the only one that tells of the error."""
    assert "Traceback" not in stderr
    told = [line for line in stderr.splitlines() if line.startswith(("cstar: ", "Error: "))]
    assert stderr.splitlines()[-1:] == told
    return told[0]


def test_0_when_done(cstar: RunCstar) -> None:
    done = cstar("--version")
    assert (done.returncode, done.stderr) == (ExitCode.DONE, "")


def test_1_when_the_thing_failed(cstar: RunCstar, home: Env) -> None:
    done = cstar("listen", env={**home, "CSTAR_HOME": "/dev/null/home"})
    assert done.returncode == ExitCode.FAILED
    assert "/dev/null/home" in one_clear_line(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("listen", "--nonsense"), "--nonsense"),
        (("nonsense",), "nonsense"),
        (("listen", "--forward-to", "ftp://host"), "ftp://host"),
        (("trigger",), "--list"),
        (("trigger", "ticket.craeted"), "ticket.created"),
        (("trigger", "ticket.created", "--data", "{"), "JSON"),
        (("trigger", "ticket.created", "--within", "soon"), "soon"),
        (("logs", "tail", "--since", "10m", "--lines", "3"), "--since"),
        (("cloud", "status", "--api-base", "nowhere"), "nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_2_when_what_was_asked_for_makes_no_sense(cstar: RunCstar, arguments: tuple[str, ...], said: str) -> None:
    done = cstar(*arguments)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert said in one_clear_line(done.stderr)


@ASKING_THE_CLOUD
def test_3_when_no_cloud_answers(cstar: RunCstar, arguments: tuple[str, ...]) -> None:
    done = cstar(*arguments)
    assert (done.returncode, done.stdout) == (ExitCode.UNREACHABLE, "")
    assert "cstar listen" in one_clear_line(done.stderr)


@ASKING_THE_CLOUD
def test_4_when_the_cloud_is_another_homes(
    cstar: RunCstar, serving: StartServing, home: Env, arguments: tuple[str, ...]
) -> None:
    serving()
    done = cstar(*arguments, env={**home, "CSTAR_HOME": home["CSTAR_HOME"] + "-other"})
    assert (done.returncode, done.stdout) == (ExitCode.NOT_ALLOWED, "")
    one_clear_line(done.stderr)


def test_4_when_listening_to_another_homes_cloud(cstar: RunCstar, serving: StartServing, home: Env) -> None:
    serving()
    done = cstar("listen", env={**home, "CSTAR_HOME": home["CSTAR_HOME"] + "-other"})
    assert done.returncode == ExitCode.NOT_ALLOWED
    one_clear_line(done.stderr)


def test_5_when_an_outcome_is_not_the_expected_one(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    listening("--forward-to", receiver(Answer(status=500)).url)
    done = cstar("trigger", "ticket.created", "--expect", "2xx", "--within", "10s")
    assert done.returncode == ExitCode.EXPECTATION
    assert "500" in one_clear_line(done.stderr)


def test_130_when_interrupted(listening: StartListening) -> None:
    session = listening()
    assert session.stop() == ExitCode.INTERRUPTED
    assert "Traceback" not in session.stderr
