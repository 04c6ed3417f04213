"""Deliveries of wire version 2026-03, verified by Node code that was written from the reference alone."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cstar_cli.events.catalogue import names

from ..processes import RunCstar, StartListening
from ..receiver import Received, StartReceiver

VERIFIER = Path(__file__).with_name("verify_2026_03.mjs")


def faults(received: Sequence[Received], secret: str) -> list[str]:
    """What Node finds wrong with each delivery: an empty text where nothing is."""
    node = shutil.which("node")
    assert node, "Node.js is needed: apt-get install nodejs"
    deliveries = [
        {"secret": secret, "headers": [*request.headers.items()], "body": request.body.decode()} for request in received
    ]
    done = subprocess.run([node, VERIFIER], input=json.dumps(deliveries), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_node_verifies_every_type_of_event(
    tmp_path: Path, cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    app, secret = receiver(), cstar("listen", "--print-secret").stdout.strip()
    listening("--wire", "2026-03", "-f", app.url)
    story = tmp_path / "all.toml"  # one process sends them all
    story.write_text("".join(f'[[steps]]\ntype = "{name}"\nexpect = "200"\n' for name in names("2026-03")))
    done = cstar("scenario", "run", str(story), "--wire", "2026-03")
    assert (done.returncode, done.stderr) == (0, "")
    assert [request.headers["x-event-type"] for request in app.requests] == [*names("2026-03")]
    assert faults(app.requests, secret) == [""] * 35
    assert faults(app.requests[:1], "whsec_another") == ["signature"]


def test_node_verifies_what_is_forwarded_without_a_cloud(cstar: RunCstar, receiver: StartReceiver) -> None:
    app, secret = receiver(), cstar("listen", "--print-secret").stdout.strip()
    done = cstar("trigger", "ticket.updated", "--wire", "2026-03", "--forward-to", app.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert faults(app.requests, secret) == [""]
