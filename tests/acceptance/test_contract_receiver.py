"""The receiver that cStar documents, Express on Node, takes every type of event."""

import json
import shutil
import subprocess
from pathlib import Path

from cstar_cli.events.catalogue import names

from ..processes import Env, RunCstar, Running, StartListening

DEMO = Path(__file__).parents[2] / "docs" / "demo"


def test_express_verifies_every_type_of_event(
    home: Env, tmp_path: Path, cstar: RunCstar, listening: StartListening
) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    assert node, "Node.js is needed: apt-get install nodejs npm"
    assert npm, "npm is needed: apt-get install npm"
    folder = tmp_path / "receiver"
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(
        [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=folder, check=True, capture_output=True, timeout=100,
    )  # fmt: skip
    secret = cstar("listen", "--print-secret").stdout.strip()
    env = {**home, "CSTAR_SECRET": secret, "PORT": "0"}
    with Running([node, str(folder / "receiver.js")], env, tmp_path) as receiver:
        port = json.loads(receiver.next_line())["listening"]
        listening("-f", f"http://localhost:{port}/webhook")
        for name in names():
            assert cstar("trigger", name, "--expect", "200").returncode == 0
        seen = [json.loads(receiver.next_line()) for _ in names()]
    assert [event["type"] for event in seen] == list(names())
    assert all(event["verified"] for event in seen)
