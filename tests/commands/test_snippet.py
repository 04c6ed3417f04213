"""`cstar snippet`: all of them are read, and those are run whose runtime is here.

Run: express, fastify, next (its handler, with Node's own Request), flask, fastapi, django, go. Not run, for their
frameworks are not installed: rails, laravel, spring, axum.
"""

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cstar_cli.commands.snippet import FOLDER, Stack
from cstar_cli.signing import sign
from tests.processes import Env, RunCstar, Running, free_port

ROOT = Path(__file__).parents[2]
SECRET = "whsec_of_the_snippets"
BODY = '{"id":"evt_1","type":"ticket.created","data":{"title":"Zoë 😀 </b>","n":[1,1e+21]}}'.encode()
RIGHT = sign(BODY, SECRET)
ANSWERS = {RIGHT: 204, "": 401, "é": 401, "0" * 64: 401, sign(BODY, "whsec_other"): 401, RIGHT[:-1]: 401}

# How each has the raw body, how it compares in constant time, and how it parses, if it does.
MARKS = {
    "express": ("express.raw(", "crypto.timingSafeEqual(", "JSON.parse(body)"),
    "fastify": ("parseAs: 'buffer'", "crypto.timingSafeEqual(", "JSON.parse(body)"),
    "next": ("await request.arrayBuffer()", "crypto.timingSafeEqual(", "JSON.parse(body)"),
    "flask": ("request.get_data()", "hmac.compare_digest(", "json.loads(body)"),
    "fastapi": ("await request.body()", "hmac.compare_digest(", "json.loads(body)"),
    "django": ("request.body", "hmac.compare_digest(", "json.loads(body)"),
    "rails": ("request.raw_post", "SecurityUtils.secure_compare(", "JSON.parse(body)"),
    "laravel": ("$request->getContent()", "hash_equals(", "json_decode($body"),
    "go": ("io.ReadAll(", "hmac.Equal(", "json.Unmarshal(body"),
    "spring": ("@RequestBody(required = false) byte[] body", "MessageDigest.isEqual(", None),
    "axum": ("body: Bytes", "mac.verify_slice(", "serde_json::from_slice"),
}
STACKS = pytest.mark.parametrize("stack", [*Stack])


def text_of(stack: str) -> str:
    return (FOLDER / f"{stack}.txt").read_text("utf-8")


def code_of(stack: str) -> str:
    """Return the snippet without its comments."""
    return re.sub(r"(?m)(?:^|\s)(?://|# ).*$", "", text_of(stack))


def test_each_file_is_a_stack_of_the_command() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*Stack} == {*MARKS}


@STACKS
def test_each_takes_the_raw_body_compares_in_constant_time_and_parses_only_what_is_verified(stack: str) -> None:
    raw, compared, parsed = MARKS[stack]
    code = code_of(stack)
    assert raw in code
    assert compared in code
    assert "x-cstar-signature" in code
    assert "CSTAR_WEBHOOK_SECRET" in text_of(stack)
    if parsed is not None:
        refused = re.search(r"\b401\b|:unauthorized|\bUNAUTHORIZED|StatusUnauthorized", code)
        assert refused
        assert code.index(raw) < code.index(parsed)
        assert refused.start() < code.index(parsed)


@STACKS
def test_each_fits_a_page_and_says_how_to_begin_with_it(stack: str) -> None:
    lines = text_of(stack).splitlines()
    assert max(map(len, lines)) <= 120
    assert len(lines) <= 70
    assert any("eceives cStar webhooks with" in line for line in lines[:4])


def test_the_command_prints_it_as_it_stands(cstar: RunCstar) -> None:
    assert cstar("snippet", "laravel").stdout == text_of("laravel")


def test_a_stack_that_there_is_none_of_is_told_with_those_that_there_are(cstar: RunCstar) -> None:
    done = cstar("snippet", "cobol")
    assert done.returncode == 2
    assert all(stack in done.stderr for stack in ("express", "axum"))


def status_of(port: int, signature: str, body: bytes = BODY) -> int:
    request = urllib.request.Request(f"http://localhost:{port}/webhook", data=body, method="POST")
    request.add_header("content-type", "application/json")
    request.add_header("x-cstar-delivery", "dlv_1")
    request.add_header("x-cstar-signature", signature.encode().decode("latin-1"))
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@contextmanager
def serving(command: list[str], home: Env, folder: Path, **variables: str) -> Iterator[int]:
    """Run a receiver on a free port, and yield that when it answers."""
    port = free_port()
    env = {**home, **variables, "CSTAR_WEBHOOK_SECRET": SECRET, "PORT": str(port)}
    with Running([each.replace("PORT", str(port)) for each in command], env, folder) as running:
        deadline = time.monotonic() + 60
        while True:
            try:
                status_of(port, "")
                break
            except OSError:
                assert not running.has_ended, running.stderr
                assert time.monotonic() < deadline, running.stderr
                time.sleep(0.05)
        yield port


def assert_verifies(port: int) -> None:
    assert {signature: status_of(port, signature) for signature in ANSWERS} == ANSWERS
    assert status_of(port, RIGHT, BODY.replace(b"evt_1", b"evt_2")) == 401
    assert status_of(port, RIGHT, b"") == 401


@pytest.mark.parametrize(("stack", "folder"), [("express", "docs/demo"), ("fastify", "tests/snippets")])
def test_those_in_node_verify(stack: str, folder: str, home: Env, tmp_path: Path) -> None:
    (tmp_path / "receiver.js").write_text(text_of(stack))
    with serving(["node", "receiver.js"], home, tmp_path, NODE_PATH=str(ROOT / folder / "node_modules")) as port:
        assert_verifies(port)


@pytest.mark.parametrize(
    ("stack", "arguments"), [("flask", []), ("fastapi", []), ("django", ["runserver", "--noreload", "PORT"])]
)
def test_those_in_python_verify(stack: str, arguments: list[str], home: Env, tmp_path: Path) -> None:
    (tmp_path / "receiver.py").write_text(text_of(stack))
    with serving([sys.executable, "receiver.py", *arguments], home, tmp_path) as port:
        assert_verifies(port)


def test_next_verifies(home: Env, tmp_path: Path) -> None:
    (tmp_path / "route.mjs").write_text(text_of("next"))
    signatures = [signature for signature in ANSWERS if signature.isascii()]
    script = f"""
import {{ POST }} from './route.mjs';
console.log = () => {{}};
const ask = (headers, body) => POST(new Request('http://localhost/webhook', {{ method: 'POST', headers, body }}));
const given = {json.dumps({"signatures": signatures, "body": BODY.decode()})};
const statuses = [];
for (const each of given.signatures) statuses.push((await ask({{ 'x-cstar-signature': each }}, given.body)).status);
statuses.push((await ask({{}}, given.body)).status);
process.stdout.write(JSON.stringify(statuses));
"""
    (tmp_path / "asking.mjs").write_text(script)
    env = {**home, "CSTAR_WEBHOOK_SECRET": SECRET}
    done = subprocess.run(
        ["node", "asking.mjs"], env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [*(ANSWERS[signature] for signature in signatures), 401]


def test_go_verifies_and_is_vetted(home: Env, tmp_path: Path) -> None:
    go = shutil.which("go")
    assert go, "install Go: the receiver in it must be run"
    (tmp_path / "receiver.go").write_text(text_of("go"))
    env = {**home, "GOCACHE": str(tmp_path / "cache"), "GO111MODULE": "off"}
    for arguments in (["vet", "receiver.go"], ["build", "-o", "receiver", "receiver.go"]):
        done = subprocess.run([go, *arguments], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    with serving(["./receiver"], home, tmp_path) as port:
        assert_verifies(port)
