"""`cstar cloud`: serving, saying how it is, stopping."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from cstar_cli import __version__
from tests.processes import CSTAR, Env, RunCstar, Running, Serving, StartListening, StartServing, free_port
from tests.receiver import Answer, StartReceiver

# A cloud that is told to stop has tunnels, tails and a database to close, and needs a moment for it on a busy machine.
SOON_S = 8.0


def one_clear_line(stderr: str) -> str:
    """Return the last line, which must be the only one that tells of the error."""
    assert "Traceback" not in stderr
    told = [line for line in stderr.splitlines() if line.startswith(("cstar: ", "Error: "))]
    assert stderr.splitlines()[-1:] == told
    return told[0]


def port_of(env: Env) -> str:
    return env["CSTAR_API_BASE"].rpartition(":")[2]


def test_a_cloud_says_where_it_runs_and_on_which_database(serving: StartServing, home: Env) -> None:
    cloud = serving("--port", "0")
    assert cloud.address.startswith("http://127.0.0.1:")
    assert (Path(home["CSTAR_HOME"]) / "cloud" / "cstar.db").exists()


def test_ctrl_c_ends_it_with_130(serving: StartServing) -> None:
    cloud = serving()
    assert cloud.stop() == 130
    assert cloud.stderr.endswith("\nThe cloud has stopped.\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--port", "65536"), 2, "--port"),
        (("--port", "x"), 2, "--port"),
        (("--database", "."), 2, "is a folder: give the path of a file."),
        (("--host", "nowhere.invalid"), 1, "Can't listen on nowhere.invalid"),
        (("--host", "192.0.2.1"), 1, "Can't listen on 192.0.2.1"),
        (("--database", "/dev/null/cstar.db"), 1, "Can't write /dev/null"),
        (("--database", "mysql://me:password@db"), 2, "--database can't be a mysql:// address"),
        (("--retention", "0"), 2, "--retention 0 is out of range: give 1s to 36500d."),
        (("--retry-schedule", "1m,soon"), 2, "--retry-schedule: 'soon' is not a duration"),
        (("--delivery-timeout", "1h"), 2, "--delivery-timeout 1h is out of range"),
        (("--max-in-flight", "0"), 2, "--max-in-flight"),
        (("--disable-after", "never"), 2, "--disable-after: 'never' is not a duration"),
        (("--rate-limit", "-1"), 2, "--rate-limit"),
        (("--poll-interval", "1h"), 2, "--poll-interval 1h is out of range"),
        (("--grace", "0"), 2, "--grace 0 is out of range"),
        (("--log-format", "xml"), 2, "--log-format"),
        (("--log-level", "loud"), 2, "--log-level"),
    ],
)
def test_what_cannot_be_served_is_refused_with_one_clear_line(
    cstar: RunCstar, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = cstar("cloud", "serve", *(() if "--port" in arguments else ("--port", "0")), *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in one_clear_line(done.stderr)


@pytest.mark.parametrize(
    "command", [("cloud", "serve", "--port", "0"), ("cloud", "migrate"), ("cloud", "keys", "create")], ids=" ".join
)
def test_a_database_server_that_is_away_is_told_without_its_password(
    cstar: RunCstar, home: Env, command: tuple[str, ...]
) -> None:
    done = cstar(*command, "--database", f"postgresql://cstar:s3cret@127.0.0.1:{free_port()}/cstar")
    assert done.returncode in (1, 3)
    assert done.stdout == ""
    assert "postgresql://cstar@127.0.0.1" in one_clear_line(done.stderr)
    assert "s3cret" not in done.stderr


def test_a_variable_that_makes_no_sense_is_refused_by_its_options_name(cstar: RunCstar, home: Env) -> None:
    done = cstar("cloud", "serve", env={**home, "CSTAR_PORT": "0", "CSTAR_RETENTION": "soon"})
    assert (done.returncode, done.stdout) == (2, "")
    assert "--retention: 'soon' is not a duration" in one_clear_line(done.stderr)


def test_a_listener_that_could_become_the_cloud_refuses_its_settings_at_once(cstar: RunCstar, home: Env) -> None:
    done = cstar("listen", env={**home, "CSTAR_RETENTION": "soon"})
    assert (done.returncode, done.stdout) == (2, "")
    assert "--retention: 'soon' is not a duration" in one_clear_line(done.stderr)


def test_a_database_that_is_up_to_date_is_said_to_be(cstar: RunCstar, tmp_path: Path) -> None:
    database = str(tmp_path / "new.db")
    first = cstar("cloud", "migrate", "--database", database)
    assert first.returncode == 0
    assert first.stdout.endswith(f"{database} is up to date.\n")
    again = cstar("cloud", "migrate", "--database", database)
    assert (again.returncode, again.stdout) == (0, f"{database} is up to date.\n")


def test_a_file_that_is_no_database_is_refused(cstar: RunCstar, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, and long enough to see that it is none" * 100)
    done = cstar("cloud", "serve", "--port", "0", "--database", str(file))
    assert done.returncode == 1
    assert f"Can't use the database {file}" in one_clear_line(done.stderr)
    assert file.read_text().startswith("not a database")


def test_a_port_that_a_foreign_program_has_is_named(cstar: RunCstar) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        port = foreign.getsockname()[1]
        done = cstar("cloud", "serve", "--port", str(port))
    assert done.returncode == 1
    assert f"Something listens on 127.0.0.1:{port} already" in one_clear_line(done.stderr)


def test_a_port_that_a_cloud_of_this_home_has_is_told_with_its_process(
    cstar: RunCstar, serving: StartServing, home: Env
) -> None:
    cloud = serving()
    done = cstar("cloud", "serve", "--port", port_of(home))
    assert done.returncode == 1
    assert one_clear_line(done.stderr) == (
        f"cstar: The cloud runs on {cloud.address}, as cstar cloud serve (pid {cloud.pid}) already: "
        "use that one, stop it, or choose another port."
    )


def test_a_port_that_a_listeners_cloud_has_is_told_with_its_process(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver, home: Env
) -> None:
    listener = listening("-f", receiver().url)
    done = cstar("cloud", "serve", "--port", port_of(home))
    assert f"inside cstar listen (pid {listener.pid}) already" in one_clear_line(done.stderr)


def test_a_database_that_another_cloud_has_is_told_with_its_process(cstar: RunCstar, serving: StartServing) -> None:
    cloud = serving()
    done = cstar("cloud", "serve", "--port", "0")
    assert done.returncode == 1
    assert f"is in use by another process (pid {cloud.pid})" in one_clear_line(done.stderr)


def test_status_says_who_runs_the_cloud(cstar: RunCstar, serving: StartServing, home: Env) -> None:
    cloud = serving()
    done = cstar("cloud", "status")
    assert (done.returncode, done.stderr) == (0, "")
    first, second, third = done.stdout.splitlines()
    assert first == f"The cloud runs on {cloud.address}, as cstar cloud serve (pid {cloud.pid})."
    assert second.endswith(f", version {__version__}, listeners connected: 0.")
    assert third == f"Database {home['CSTAR_HOME']}/cloud/cstar.db"


def test_status_says_when_the_cloud_is_a_listeners(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    listener = listening("-f", receiver().url)
    said = cstar("cloud", "status").stdout
    assert f"inside cstar listen (pid {listener.pid})." in said
    assert "listeners connected: 1." in said


def test_status_as_json_is_one_object(cstar: RunCstar, serving: StartServing, home: Env) -> None:
    cloud = serving()
    done = cstar("cloud", "status", "--json")
    [line] = done.stdout.splitlines()
    health = json.loads(line)
    assert (health["status"], health["pid"], health["embedded"], health["sessions"]) == ("ok", cloud.pid, False, 0)
    assert health["database"] == f"{home['CSTAR_HOME']}/cloud/cstar.db"


@pytest.mark.parametrize("arguments", [("status",), ("status", "--json"), ("stop",)], ids=" ".join)
def test_without_a_cloud_it_exits_3(cstar: RunCstar, arguments: tuple[str, ...]) -> None:
    done = cstar("cloud", *arguments)
    assert (done.returncode, done.stdout) == (3, "")
    assert "No cloud answers at" in one_clear_line(done.stderr)


def test_stop_returns_when_the_cloud_is_gone(cstar: RunCstar, serving: StartServing) -> None:
    cloud = serving()
    done = cstar("cloud", "stop")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"The cloud (pid {cloud.pid}) has stopped.\n"
    assert cloud.wait(0.5) == 0


def test_after_a_stop_the_next_cloud_starts_on_the_same_port_and_database(
    cstar: RunCstar, serving: StartServing
) -> None:
    for _ in range(3):
        serving()
        assert cstar("cloud", "stop").returncode == 0


def test_a_listeners_cloud_is_not_stopped_from_outside(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    listener = listening("-f", receiver().url)
    done = cstar("cloud", "stop")
    assert (done.returncode, done.stdout) == (1, "")
    assert one_clear_line(done.stderr) == (
        f"cstar: The cloud runs inside cstar listen (pid {listener.pid}): press Ctrl-C there."
    )
    assert cstar("trigger", "ticket.created", "--expect", "2xx").returncode == 0


def test_a_cloud_of_another_machine_is_not_stopped_from_here(cstar: RunCstar) -> None:
    done = cstar("cloud", "stop", "--api-base", "https://cloud.test")
    assert done.returncode == 2
    assert "https://cloud.test is not on this machine" in one_clear_line(done.stderr)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_within_seconds_whoever_is_connected(
    home: Env, serving: StartServing, receiver: StartReceiver, cstar: RunCstar, tmp_path: Path, number: signal.Signals
) -> None:
    # Nobody takes over on this address, and who is connected stays there.
    own = {**home, "CSTAR_API_BASE": f"http://127.0.0.2:{free_port()}"}
    app = receiver(Answer())
    cloud = serving("--host", "127.0.0.2", env=own)
    with (
        Running([*CSTAR, "listen", "--json", "-f", app.url], own, tmp_path) as listener,
        Running([*CSTAR, "logs", "tail", "--json"], own, tmp_path) as tail,
    ):
        listener.next_line()
        cstar("trigger", "ticket.created", env=own)
        tail.next_line()
        started = time.monotonic()
        cloud.signal(number)
        assert cloud.wait(SOON_S) == (130 if number == signal.SIGINT else 0)
        assert time.monotonic() - started < SOON_S
        assert json.loads(listener.next_line())["type"] == "forwarded"
        assert json.loads(listener.next_line())["type"] == "disconnected"
        tail.await_stderr("the cloud is gone")
    assert cloud.stderr.endswith("\nThe cloud has stopped.\n")


def test_a_listener_with_the_cloud_inside_ends_within_seconds_while_others_are_connected(
    home: Env, listening: StartListening, receiver: StartReceiver, cstar: RunCstar, tmp_path: Path
) -> None:
    app = receiver()
    first = listening("-f", app.url)
    second = listening("-f", app.url)
    with Running([*CSTAR, "logs", "tail", "--json"], home, tmp_path) as tail:
        cstar("trigger", "ticket.created")
        tail.next_line()
        first.signal(signal.SIGTERM)
        assert first.wait(SOON_S) == 130
        second.next_of("reconnected")
        cstar("trigger", "ticket.closed")
        events = [json.loads(tail.next_line())["event_type"] for _ in range(2)]
    assert events == ["ticket.created", "ticket.closed"]


def test_two_clouds_started_at_once_on_one_port_are_one_cloud_and_one_clear_error(home: Env, tmp_path: Path) -> None:
    arguments = ("--port", port_of(home))
    with Serving(arguments, home, tmp_path) as one, Serving(arguments, home, tmp_path) as other:
        ended: list[Serving] = []
        until = time.monotonic() + 20
        while not ended and time.monotonic() < until:
            ended = [cloud for cloud in (one, other) if _has_ended(cloud)]
        [loser] = ended
        assert loser.wait() == 1
        assert "Traceback" not in loser.stderr


def _has_ended(cloud: Serving) -> bool:
    return os.waitid(os.P_PID, cloud.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
