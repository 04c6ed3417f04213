"""A session is recorded, sent again, and compared, by real processes."""

import json
import signal
import stat
from pathlib import Path

from cstar_cli.errors import ExitCode
from tests.processes import RunCstar, StartListening
from tests.receiver import Answer, StartReceiver


def test_a_session_is_recorded_replayed_and_compared(
    receiver: StartReceiver, listening: StartListening, cstar: RunCstar, tmp_path: Path
) -> None:
    target, file = receiver(Answer(body=b'{"ok":true}')), tmp_path / "s.jsonl"
    session = listening(
        "-f", target.url, "--record", str(file), "--redact", "data.customer_email", "-H", "x-api-key: k1"
    )
    assert cstar("trigger", "ticket.created").returncode == ExitCode.DONE
    session.next_of("forwarded")
    assert session.stop() == ExitCode.INTERRUPTED
    assert f"Recorded 1 delivery, to send again: cstar replay {file}" in session.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    [before] = target.requests

    same = cstar("replay", str(file), "-f", target.url, "--as-fast-as-possible", "--diff")
    assert (same.returncode, same.stdout.splitlines()[-1]) == (ExitCode.DONE, "ticket.created\t1\t1\t0\t0\t0")
    assert "give it with --header 'x-api-key: …'" in same.stderr
    [_, again] = target.requests
    email = json.loads(before.body)["data"]["customer_email"]
    assert again.body == before.body.replace(json.dumps(email).encode(), b'"[redacted]"')
    assert again.headers["x-cstar-delivery"] == before.headers["x-cstar-delivery"]
    assert email not in file.read_text()

    target.answer = Answer(status=500, body=b'{"ok":false}')
    other = cstar("replay", str(file), "-f", target.url, "--diff")
    assert other.returncode == ExitCode.EXPECTATION
    assert "body differs: ok: true → false" in other.stdout
    assert cstar("replay", str(file), "-f", target.url).returncode == ExitCode.FAILED


def test_a_listener_that_is_killed_leaves_a_recording_that_can_be_read(
    receiver: StartReceiver, listening: StartListening, cstar: RunCstar, tmp_path: Path
) -> None:
    target, file = receiver(), tmp_path / "s.jsonl"
    session = listening("-f", target.url, "--record", str(file))
    assert cstar("trigger", "ticket.created").returncode == ExitCode.DONE
    event_id = session.next_of("forwarded")["event_id"]
    assert cstar("trigger", "ticket.closed", "--wait").returncode == ExitCode.DONE
    session.signal(signal.SIGKILL)
    session.wait()
    shown = cstar("replay", str(file), "--list")
    assert shown.returncode == ExitCode.DONE
    assert event_id in shown.stdout
    assert "was cut off" in shown.stderr
