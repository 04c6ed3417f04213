"""`cstar snippet`: all of them are read, and those are run whose runtime is here, for both wire versions.

Run: express, fastify, next (its handler, with Node's own Request), flask, fastapi, django, go. Not run, for their
frameworks are not installed: rails, laravel, spring, axum. A process serves as many receivers as it can.
"""

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from cstar_cli.commands.snippet import FOLDER, Stack
from cstar_cli.commands.snippet import receiver as receiver_in
from cstar_cli.events.wires import NAMES, wire
from tests.processes import Env, RunCstar, Running, free_port

ROOT = Path(__file__).parents[2]
SECRET = "whsec_of_the_snippets"
BODY = '{"id":"evt_1","type":"ticket.created","data":{"title":"Zoë 😀 </b>","n":[1,1e+21]}}'.encode()
PLAIN, LATER = NAMES


def right(version: str, at_s: int | None = None, secret: str = SECRET) -> str:
    return wire(version).sign(BODY, secret, round(time.time()) if at_s is None else at_s)


def answers(version: str) -> dict[str, int]:
    """Return what a receiver answers to each signature of the body."""
    good = right(version)
    wrong = ["", "é", "0" * 64, right(version, secret="whsec_other"), good[:-1], ",", "=", "t=,v1="]
    answered = {good: 204, **dict.fromkeys(wrong, 401)}
    if version == LATER:
        now = round(time.time())
        t, _, digest = good.partition(",")
        others = [right(PLAIN), right(LATER, now - 400), right(LATER, now + 400), t, digest, f"t=a,{digest}"]
        others += [f"{t},v0={digest[3:]}", f"t={'9' * 5000},{digest}", f"t={now},v1={right(PLAIN)}"]
        answered |= {f"{t},v1={'0' * 64},{digest}": 204, **dict.fromkeys(others, 401)}
    return answered


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
    "axum": ("body: Bytes", ".verify_slice(", "serde_json::from_slice"),
}
STACKS = pytest.mark.parametrize("stack", [*Stack])


VERSIONS = pytest.mark.parametrize("version", NAMES)
HEADERS = {PLAIN: ("x-cstar-signature", "x-cstar-delivery"), LATER: ("x-signature", "x-event-id")}


def code_of(stack: str, version: str) -> str:
    """Return the receiver without its comments."""
    return re.sub(r"(?m)(?:^|\s)(?://|# ).*$", "", receiver_in(stack, version))


def test_each_file_is_a_stack_of_the_command() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*Stack} == {*MARKS}


def test_gofmt_and_ruff_leave_them_as_they_are(tmp_path: Path) -> None:
    for version in NAMES:
        for stack, suffix in (("flask", "py"), ("fastapi", "py"), ("django", "py"), ("go", "go")):
            (tmp_path / f"{stack}_{version}.{suffix}").write_text(receiver_in(stack, version))
    gofmt = subprocess.run(["gofmt", "-l", "."], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (gofmt.returncode, gofmt.stdout) == (0, "")
    ruff = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=120", "--check", "."]
    done = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@VERSIONS
@STACKS
def test_each_takes_the_raw_body_compares_in_constant_time_and_parses_only_what_is_verified(
    stack: str, version: str
) -> None:
    raw, compared, parsed = MARKS[stack]
    code = code_of(stack, version)
    assert raw in code
    assert compared in code
    assert "CSTAR_WEBHOOK_SECRET" in receiver_in(stack, version)
    if parsed is not None:
        refused = re.search(r"\b401\b|:unauthorized|\bUNAUTHORIZED|StatusUnauthorized", code)
        assert refused
        assert code.index(raw) < code.index(parsed)
        assert refused.start() < code.index(parsed)


@VERSIONS
@STACKS
def test_each_reads_the_headers_of_its_version_alone_and_tells_of_duplicates(stack: str, version: str) -> None:
    text = receiver_in(stack, version)
    signature, id = HEADERS[version]
    assert wire(version).signature_header.lower() == signature
    assert signature in code_of(stack, version)
    assert f"The same {id} may come twice" in text
    others = {header for name, headers in HEADERS.items() if name != version for header in headers}
    assert not any(other in text for other in others)
    assert bool(re.search(r"\b300\b", text)) == (version == LATER)


@VERSIONS
@STACKS
def test_each_fits_a_page_and_says_how_to_begin_with_it(stack: str, version: str) -> None:
    lines = receiver_in(stack, version).splitlines()
    assert max(map(len, lines)) <= 120
    assert len(lines) <= 80
    assert any("eceives cStar webhooks with" in line for line in lines[:4])
    assert not any(line.startswith("@@") for line in lines)


def test_the_command_prints_it_as_it_stands(cstar: RunCstar) -> None:
    assert cstar("snippet", "laravel").stdout == receiver_in("laravel", PLAIN)
    assert cstar("snippet", "laravel", "--wire", LATER).stdout == receiver_in("laravel", LATER)


def test_a_stack_that_there_is_none_of_is_told_with_those_that_there_are(cstar: RunCstar) -> None:
    done = cstar("snippet", "cobol")
    assert done.returncode == 2
    assert all(stack in done.stderr for stack in ("express", "axum"))


def status_of(port: int, version: str, signature: str, body: bytes = BODY) -> int:
    request = urllib.request.Request(f"http://localhost:{port}/webhook", data=body, method="POST")
    signed, id = HEADERS[version]
    request.add_header("content-type", "application/json")
    request.add_header(id, "dlv_1")
    request.add_header(signed, signature.encode().decode("latin-1"))
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@contextmanager
def serving(
    command: Sequence[str], ports: Mapping[int, str], home: Env, folder: Path, **variables: str
) -> Iterator[None]:
    """Run receivers on these ports, each of a wire version, while all of them answer."""
    env = {**home, **variables, "CSTAR_WEBHOOK_SECRET": SECRET, "PORT": str(next(iter(ports)))}
    with Running(command, env, folder) as running:
        deadline = time.monotonic() + 60
        for port, version in ports.items():
            while True:
                try:
                    status_of(port, version, "")
                    break
                except OSError:
                    assert not running.has_ended, running.stderr
                    assert time.monotonic() < deadline, running.stderr
                    time.sleep(0.05)
        yield


def assert_verifies(port: int, version: str) -> None:
    expected = answers(version)
    assert {signature: status_of(port, version, signature) for signature in expected} == expected
    assert status_of(port, version, right(version), BODY.replace(b"evt_1", b"evt_2")) == 401
    assert status_of(port, version, right(version), b"") == 401


def written(folder: Path, stacks: Sequence[str], suffix: str) -> dict[int, tuple[str, str]]:
    """Write the receivers of these stacks, and return the port of each: with its file and wire version."""
    found = {}
    for stack in stacks:
        for version in NAMES:
            name = f"{stack}_{version}{suffix}"
            (folder / name).write_text(receiver_in(stack, version))
            found[free_port()] = name, version
    return found


ALL_IN_NODE = """
for (const [port, file] of JSON.parse(process.argv[2])) {
  process.env.PORT = port;
  require('./' + file);
}
"""


def test_those_in_node_verify(home: Env, tmp_path: Path) -> None:
    receivers = written(tmp_path, ["express", "fastify"], ".js")
    (tmp_path / "all.js").write_text(ALL_IN_NODE)
    modules = ":".join(str(ROOT / folder / "node_modules") for folder in ("docs/demo", "tests/snippets"))
    given = json.dumps([[str(port), name] for port, (name, _) in receivers.items()])
    ports = {port: version for port, (_, version) in receivers.items()}
    with serving(["node", "all.js", given], ports, home, tmp_path, NODE_PATH=modules):
        for port, version in ports.items():
            assert_verifies(port, version)


ALL_IN_PYTHON = """
import json, os, socket, sys, threading, time

for port, file in json.loads(sys.argv[1]):
    os.environ["PORT"] = str(port)
    code = compile(open(file, encoding="utf-8").read(), file, "exec")
    threading.Thread(target=exec, args=(code, {"__name__": "__main__"}), daemon=True).start()
    while True:
        try:
            socket.create_connection(("localhost", port)).close()
            break
        except OSError:
            time.sleep(0.02)
threading.Event().wait()
"""


def test_those_in_python_verify(home: Env, tmp_path: Path) -> None:
    receivers = written(tmp_path, ["flask", "fastapi"], ".py")
    (tmp_path / "all.py").write_text(ALL_IN_PYTHON)
    given = json.dumps([[port, name] for port, (name, _) in receivers.items()])
    ports = {port: version for port, (_, version) in receivers.items()}
    with serving([sys.executable, "all.py", given], ports, home, tmp_path):
        for port, version in ports.items():
            assert_verifies(port, version)


def test_the_one_in_django_verifies(home: Env, tmp_path: Path) -> None:
    receivers = written(tmp_path, ["django"], ".py")
    with ExitStack() as stack:
        for port, (name, version) in receivers.items():
            command = [sys.executable, name, "runserver", "--noreload", str(port)]
            stack.enter_context(serving(command, {port: version}, home, tmp_path))
        for port, (_, version) in receivers.items():
            assert_verifies(port, version)


def test_next_verifies(home: Env, tmp_path: Path) -> None:
    given, expected = [], []
    body = json.dumps(BODY.decode())
    for version in NAMES:
        (tmp_path / f"{version}.mjs").write_text(receiver_in("next", version))
        header, _ = HEADERS[version]
        answered = {signature: status for signature, status in answers(version).items() if signature.isascii()}
        given += [[f"./{version}.mjs", {header: signature}] for signature in answered] + [[f"./{version}.mjs", {}]]
        expected += [*answered.values(), 401]
    script = f"""
console.log = () => {{}};
const statuses = [];
for (const [file, headers] of {json.dumps(given)}) {{
  const {{ POST }} = await import(file);
  const request = new Request('http://localhost/webhook', {{ method: 'POST', headers, body: {body} }});
  statuses.push((await POST(request)).status);
}}
process.stdout.write(JSON.stringify(statuses));
"""
    (tmp_path / "asking.mjs").write_text(script)
    env = {**home, "CSTAR_WEBHOOK_SECRET": SECRET}
    done = subprocess.run(
        ["node", "asking.mjs"], env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected


def test_go_verifies_and_is_vetted(home: Env, tmp_path: Path, go_cache: Path) -> None:
    go = shutil.which("go")
    assert go, "install Go: the receiver in it must be run"
    env = {**home, "GOCACHE": str(go_cache), "GO111MODULE": "off"}
    receivers = written(tmp_path, ["go"], ".go")
    with ExitStack() as stack:
        for port, (name, version) in receivers.items():
            for arguments in (["vet", name], ["build", "-o", version, name]):
                done = subprocess.run(
                    [go, *arguments], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, done.stderr
            stack.enter_context(serving([f"./{version}"], {port: version}, home, tmp_path))
        for port, (_, version) in receivers.items():
            assert_verifies(port, version)
