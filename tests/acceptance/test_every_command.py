"""Every command of the tree: without a terminal, on a narrow one, in ASCII, with what others have written in it."""

import json
import re
import subprocess
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cstar_cli.render.folding import width
from tests.contract.project import LEAVES
from tests.processes import CSTAR, Env, Listening, free_port
from tests.receiver import Answer, Receiver
from tests.zygote import Ran, Stdin, Zygote

HOSTILE = "é\x1b[2J\x1b]0;title\x07\x1b]52;c;eA==\x07\u202eevil\u2066\x9b31m\x7f\r\n\x08\u200b漢字"
COLUMNS = 40
A_WHILE_S = 1.5

# What steers a terminal, but for colours and the ends of lines; the tab is typer's own.
STEERING = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]|\x1b(?!\[\d*m)")

# What a command needs; where nothing is said, one gets none. {webhook}, {event} and so on are what the cloud has.
ARGUMENTS = {
    "listen": "-f {url}",
    "trigger": "ticket.created",
    "wait": "ticket.created --timeout 0.1s",
    "replay": "recorded.jsonl -f {url} --diff",
    "logs tail": "--no-follow",
    "webhooks create": "--url https://example.com/hook --events ticket.*",
    "webhooks show": "{webhook}",
    "webhooks update": "{webhook} --name é",
    "webhooks enable": "{webhook}",
    "webhooks disable": "{webhook}",
    "webhooks delete": "{webhook}",
    "webhooks test": "{webhook}",
    "webhooks rotate-secret": "{webhook}",
    "webhooks recover": "{webhook} --since 1h",
    "events show": "{event}",
    "events resend": "{event}",
    "deliveries show": "{delivery}",
    "deliveries retry": "{delivery}",
    "deliveries cancel": "{delivery}",
    "sign": "é",
    "verify": "--delivery {delivery} --explain",
    "snippet": "go",
    "check": "{url}",
    "types generate": "--lang typescript",
    "fixtures show": "hostile",
    "fixtures save": "again --from {event} --force",
    "fixtures edit": "hostile",
    "scenario show": "boss-fight",
    "scenario run": "boss-fight --dry-run",
    "cloud serve": "--port {port} --database other.db",
    "cloud migrate": "--database third.db",
    "cloud keys revoke": "key_nope",
    "cloud stop": "--api-base http://127.0.0.1:9",
    "routes test": "ticket.created",
    "config get": "listen.timeout",
    "config set": "listen.timeout 5",
    "config unset": "listen.timeout",
    "completion show": "bash",
    "completion install": "bash",
}
GO_ON = ("listen", "cloud serve")  # until Ctrl-C
AS_WRITTEN = (
    *("completion show", "fixtures show", "scenario show", "types generate", "snippet"),
    *("scenario run", "cloud serve"),
)


BIDI = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


class Cloud:
    """A cloud that has seen an event, a key and an answer that mean harm."""

    def __init__(self, zygote: Zygote, env: Env, folder: Path) -> None:
        self.zygote, self.env, self.folder = zygote, env, folder
        self._app = Receiver(Answer(500, HOSTILE.encode(), {"X-Evil": "a\x9b2J \x85b"}))
        self._listener = Listening(["-f", self._app.url, "--record", "recorded.jsonl"], env, folder).await_ready()
        data = json.dumps({"title": HOSTILE, HOSTILE: "x" * 300})
        [event] = self._records("trigger", "ticket.created", "--data", data, "--json")
        self._listener.next_of("forwarded")
        [webhook] = self._records(
            *("webhooks", "create", "--url", "https://example.com/" + "long/" * 30, "-e", "ticket.*"),
            *("--name", "evil \u202e 漢字", "--json"),
        )
        self.zygote.run(["cloud", "keys", "create", "--name", "evil \u202e 漢字"], env, folder)
        delivery = event["data"]["deliveries"][0]
        self.names = {
            "webhook": webhook["id"],
            "event": delivery["event_id"],
            "delivery": delivery["id"],
            "url": self._app.url,
            "port": str(free_port()),
        }
        (folder / ".cstar" / "fixtures").mkdir(parents=True)
        written = json.dumps({"type": "ticket.created", "data": {"title": HOSTILE}}, ensure_ascii=False)
        (folder / ".cstar" / "fixtures" / "hostile.json").write_text(written)

    def close(self) -> None:
        self._listener.kill()
        self._app.close()

    def run(self, name: str, env: Env | None = None, columns: int | None = COLUMNS, encoding: str = "utf-8") -> Ran:
        arguments = [*name.split(), *ARGUMENTS.get(name, "").format(**self.names).split()]
        for_s = A_WHILE_S if name in GO_ON else 20.0
        return self.zygote.run(
            arguments, env or self.env, self.folder, stdin="pipe", columns=columns, encoding=encoding, for_s=for_s
        )

    def _records(self, *arguments: str) -> list[Any]:
        ran = self.zygote.run(arguments, self.env, self.folder)
        assert ran.code == 0, ran.err
        return [json.loads(line) for line in ran.out.splitlines()]


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


@pytest.fixture
def env(home: dict[str, str]) -> Env:
    del home["COLUMNS"]
    return {**home, "TERM": "xterm-256color", "SHELL": "/bin/bash"}


@pytest.fixture
def cloud(zygote: Zygote, env: Env, tmp_path: Path) -> Iterator[Cloud]:
    seen = Cloud(zygote, env, tmp_path)
    try:
        yield seen
    finally:
        seen.close()


NAMES = [name.removeprefix("cstar ") for name in LEAVES]


def no_fault(name: str, ran: Ran) -> None:
    assert ran.code is not None, f"{name} had to be killed: {ran.out}{ran.err}"
    assert "Traceback" not in ran.out + ran.err, f"{name}: {ran.out}{ran.err}"
    assert "bug in cstar" not in ran.out + ran.err, f"{name}: {ran.out}{ran.err}"


@pytest.mark.parametrize("stdin", ["pipe", "closed"])
def test_no_command_waits_for_input_without_a_terminal(stdin: Stdin, zygote: Zygote, env: Env, tmp_path: Path) -> None:
    known = dict.fromkeys(("webhook", "event", "delivery"), "x") | {"url": "9", "port": str(free_port())}
    known |= {"webhook": "whk_1", "event": "evt_1", "delivery": "dlv_1"}
    for name in NAMES:
        arguments = [*name.split(), *ARGUMENTS.get(name, "").format(**known).split()]
        for_s = A_WHILE_S if name in GO_ON else 20.0
        ran = zygote.run(arguments, env, tmp_path, stdin=stdin, for_s=for_s)
        no_fault(name, ran)
        assert ran.code != 130 or name in GO_ON, f"{name} waited for something: {ran.out}{ran.err}"


def test_nothing_that_others_wrote_steers_a_terminal_and_no_line_is_wider(cloud: Cloud) -> None:
    for name in NAMES:
        ran = cloud.run(name)
        no_fault(name, ran)
        assert not STEERING.search(ran.out), f"{name}: {ran.out!r}"
        assert not any(unicodedata.bidirectional(character) in BIDI for character in ran.out), f"{name}: {ran.out!r}"
        if name not in AS_WRITTEN:
            wide = [line for line in ran.out.splitlines() if width(line) > COLUMNS and " " in _words(line)]
            assert wide == [], name


def _words(line: str) -> str:
    return re.sub(r"\x1b\[\d*m", "", line).strip()


def test_a_dumb_terminal_of_ascii_gets_neither_colours_nor_anything_else(cloud: Cloud) -> None:
    for name in NAMES:
        ran = cloud.run(name, {**cloud.env, "TERM": "dumb"}, encoding="ascii")
        no_fault(name, ran)
        assert ran.out.isascii(), f"{name}: {ran.out!r}"
        assert "\x1b" not in ran.out, f"{name}: {ran.out!r}"


def test_what_is_piped_is_written_in_any_encoding_and_without_colours(cloud: Cloud) -> None:
    for name in NAMES:
        if name in GO_ON:
            continue
        ran = cloud.run(name, {**cloud.env, "NO_COLOR": "1"}, columns=None, encoding="latin-1")
        no_fault(name, ran)
        assert "\x1b[3" not in ran.out + ran.err, f"{name}: {ran.out!r}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["\x1b]0;title\x07"],
        ["listen", "--\u202eevil"],
        ["listen", "-f", "http://\x1b[2J/"],
        ["listen", "--timeout", "\x1b[2J"],
        ["listen", "\x9b2J"],
        ["trigger", "\x1b[2J.created"],
        ["trigger", "ticket.created", "--override", "\x1b[2J=1"],
        ["webhooks", "show", "whk_\x1b[2J"],
        ["logs", "tail", "--since", "\x1b[2J"],
        ["fixtures", "show", "\x1b[2J"],
        ["scenario", "run", "\x1b[2J.toml"],
        ["config", "get", "\x1b[2J"],
        ["--profile", "\x1b[2J", "whoami"],
        ["completion", "show", "\x1b[2J"],
    ],
    ids=repr,
)
def test_an_error_quotes_no_argument_that_steers_the_terminal(
    zygote: Zygote, env: Env, tmp_path: Path, arguments: Sequence[str]
) -> None:
    ran = zygote.run(arguments, env, tmp_path, columns=80)
    assert ran.code == 2
    assert not STEERING.search(ran.out), repr(ran.out)
    assert "\u202e" not in ran.out


def test_json_on_a_terminal_means_the_same_and_steers_nothing(cloud: Cloud) -> None:
    ran = cloud.zygote.run(["events", "show", cloud.names["event"], "--json"], cloud.env, cloud.folder, columns=80)
    assert not STEERING.search(ran.out), repr(ran.out)
    assert json.loads(json.loads(ran.out)["body"])["data"]["title"] == HOSTILE


@pytest.mark.parametrize("name", ["trigger --list", "events types --schema", "types generate --lang go", "--help"])
def test_a_reader_that_leaves_ends_what_prints_much_quietly(name: str, env: Env, tmp_path: Path) -> None:
    with subprocess.Popen(
        [*CSTAR, *name.split()], env=dict(env), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        told = running.stderr.read()
    assert told == b""
