"""The README says nothing that the program does not do."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cstar_cli.errors import ExitCode
from cstar_cli.signing import sign
from tests.processes import Env, RunCstar, Running, StartListening, free_port
from tests.receiver import Received, StartReceiver

from .project import LEAVES, PAGES, README, ROOT, TREE, blocks, rows

LINES = [line for block in blocks(README, "sh") for line in block.splitlines()]
SECRET = "whsec_of_the_readme"
BODY = '{"id":"evt_1","data":{"title":"Zoë 😀","n":[1,1e+21]}}'.encode()


def options_in(text: str) -> set[str]:
    """Return the long options that stand in the text as code."""
    return {
        option for code in re.findall(r"`[^`\n]+`", text) for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", code)
    }


def test_its_table_has_every_command_and_no_other() -> None:
    assert {row[0].strip("`") for row in rows(README, "command")} == set(LEAVES)


def test_its_table_gives_each_command_options_that_it_has() -> None:
    told = [(row[0].strip("`"), option) for row in rows(README, "command") for option in options_in(row[1])]
    assert [(name, option) for name, option in told if option not in LEAVES[name].options] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_a_page_names_exists(page: str) -> None:
    known = {option for command in TREE.values() for option in command.options} | {"--help"}
    ours = re.sub(r"^(?:podman|docker) .*$", "", PAGES[page], flags=re.MULTILINE)  # whose options are their own
    named = {option for code in re.findall(r"`[^`]+`", ours) for option in re.findall(r"(?<!\w)--[a-z][\w-]*", code)}
    assert named - known == set()


def test_what_the_page_on_troubleshooting_begins_with_is_what_the_program_says() -> None:
    sources = "".join(path.read_text("utf-8") for path in ROOT.glob("cstar_cli/**/*.py"))
    headings = "".join(re.findall(r"^## .*$", PAGES["docs/troubleshooting.md"], re.MULTILINE))
    seen = {re.sub(r"^✗ … | ?\d+( s)?$", "", code) for code in re.findall(r"`([^`]+)`", headings)} - {""}
    assert len(seen) > 5
    assert [text for text in seen if text not in sources] == []


def test_its_exit_codes_are_those_of_the_program() -> None:
    assert [int(code) for code, _ in rows(README, "exit code")] == list(ExitCode)


def test_its_environment_variables_are_those_of_the_program() -> None:
    sources = "".join(path.read_text("utf-8") for path in ROOT.glob("cstar_cli/**/*.py"))
    named = set(re.findall(r"`(CSTAR_\w+)`", README))
    assert named == set(re.findall(r'"(CSTAR_\w+)"', sources))


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("make ")])
def test_its_make_targets_exist(line: str) -> None:
    done = subprocess.run(
        [*line.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr


def test_every_make_target_it_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)`", README)) - targets == set()


def test_its_commands_run_as_they_stand_but_for_the_port(receiver: StartReceiver, home: Env, tmp_path: Path) -> None:
    target = receiver(port=free_port())
    env = {**home, "PATH": f"{Path(sys.executable).parent}:{home['PATH']}"}
    commands = [line.replace(":3000/", f":{target.port}/") for line in LINES if line.startswith("cstar ")]
    [listen, *others] = commands
    with Running(["sh", "-c", f"exec {listen}"], env, tmp_path) as session:
        while not session.next_line().startswith("Ready!"):
            pass
        for command in others:
            done = subprocess.run(
                ["sh", "-c", command], env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
            )
            assert (command, done.returncode, done.stderr) == (command, 0, "")
        assert session.stop() == ExitCode.INTERRUPTED
    sent = [command.split()[2] for command in others if command.startswith("cstar trigger ")]
    assert [request.headers["x-cstar-event"] for request in target.requests] == sent


def test_its_settings_file_is_understood(home: Env, cstar: RunCstar, tmp_path: Path) -> None:
    [text] = blocks(README, "toml")
    for table, values in tomllib.loads(text).items():
        options = {option.removeprefix("--").replace("-", "_") for option in TREE[table].options}
        assert set(values) - options == set()
    (tmp_path / "cstar.toml").write_text(text)
    assert "http://localhost:8000/hooks/cstar" in cstar("listen", "--help").stdout


@pytest.fixture
def delivered(receiver: StartReceiver, listening: StartListening, cstar: RunCstar) -> Received:
    """A request as a receiver really gets it, with text beyond ASCII."""
    target = receiver()
    listening("--forward-to", target.url, "--secret", SECRET)
    assert cstar("trigger", "ticket.created", "--override", "title=Zoë 😀").returncode == 0
    [request] = target.wait_for(1)
    return request


def python_says(body: bytes, signature: str) -> bool:
    [snippet] = blocks(README, "python")
    names: dict[str, Any] = {}
    exec(snippet, names)
    return bool(names["is_verified"](body, signature, SECRET))


def node_says(body: bytes, signature: str | None, *, stringified: bool = False) -> bool:
    [snippet] = blocks(README, "js")
    given = json.dumps({"body": body.decode(), "signature": signature, "secret": SECRET})
    taken = "JSON.stringify(JSON.parse(given.body))" if stringified else "Buffer.from(given.body)"
    call = f"isVerified({taken}, given.signature ?? undefined, given.secret)"
    script = f"{snippet}\nconst given = {given};\nconsole.log({call});"
    node = shutil.which("node")
    assert node, "install Node: the snippet for it must be run"
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    return bool(json.loads(done.stdout))


def test_its_python_verifies_a_real_delivery(delivered: Received) -> None:
    assert python_says(delivered.body, delivered.headers["x-cstar-signature"])


def test_its_javascript_verifies_a_real_delivery(delivered: Received) -> None:
    assert node_says(delivered.body, delivered.headers["x-cstar-signature"])


def test_its_javascript_verifies_a_body_that_was_parsed(delivered: Received) -> None:
    assert node_says(delivered.body, delivered.headers["x-cstar-signature"], stringified=True)


@pytest.mark.parametrize("signature", ["", "0", "é", sign(BODY, "another"), sign(BODY, SECRET)[:-1]])
def test_its_python_refuses_what_is_not_signed_so(signature: str) -> None:
    assert not python_says(BODY, signature)


@pytest.mark.parametrize("signature", [None, "", "0", "é" * 32, sign(BODY, "another"), sign(BODY, SECRET)[:-1]])
def test_its_javascript_refuses_what_is_not_signed_so(signature: str | None) -> None:
    assert not node_says(BODY, signature)


def test_both_refuse_a_changed_body() -> None:
    changed = BODY.replace(b"evt_1", b"evt_2")
    assert not python_says(changed, sign(BODY, SECRET))
    assert not node_says(changed, sign(BODY, SECRET))
