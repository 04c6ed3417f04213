"""`cstar check` as a process, against receivers that CI runs for `cstar snippet`, and against bad ones."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cstar_cli.commands.snippet import receiver as receiver_in
from tests.processes import Env, RunCstar, free_port
from tests.receiver import Answer, StartReceiver

from .test_snippet import ROOT, SECRET, serving

RUN = {"flask": (sys.executable, "receiver.py"), "express": ("node", "receiver.js")}


@pytest.mark.parametrize(
    ("stack", "version", "trials"), [("flask", "2025-12", 19), ("flask", "2026-03", 22), ("express", "2025-12", 19)]
)
def test_the_receivers_that_we_print_pass(
    stack: str, version: str, trials: int, cstar: RunCstar, home: Env, tmp_path: Path
) -> None:
    (tmp_path / RUN[stack][1]).write_text(receiver_in(stack, version))
    port, modules = free_port(), str(ROOT / "docs/demo/node_modules")
    with serving(RUN[stack], {port: version}, home, tmp_path, NODE_PATH=modules):
        done = cstar("check", f"{port}/webhook", "--secret", SECRET, "--wire", version)
    assert (done.returncode, f"\n{trials} passed\n" in done.stdout) == (0, True), done.stdout + done.stderr


def test_one_that_takes_all_fails_and_a_ci_can_read_it(
    receiver: StartReceiver, cstar: RunCstar, tmp_path: Path
) -> None:
    target = receiver()
    url, only = f"{target.url}?token=of-the-url", ("-k", "signature-missing", "-k", "duplicate")
    done = cstar("check", url, "--json", "--junit", "out.xml", *only)
    assert done.returncode == 5
    assert "of-the-url" not in (tmp_path / "out.xml").read_text()
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("status") for line in lines] == ["passed", "failed", "passed", None]
    assert (lines[-1]["type"], lines[-1]["failed"]) == ("summary", 1)
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "0")
    assert [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None] == [
        "signature-missing"
    ]


def test_another_secret_is_told_first_and_the_others_are_not_made(receiver: StartReceiver, cstar: RunCstar) -> None:
    target = receiver(Answer(401, b"invalid \x1b[31msignature"))
    done = cstar("check", target.url)
    assert done.returncode == 5
    assert "Change: Secret or body differ" in done.stdout
    assert "signed with the profile's secret: if your receiver has another, give that with --secret." in done.stdout
    assert "- 18 more not made: the first trial failed" in done.stdout
    assert "\x1b" not in done.stdout
    assert len(target.requests) == 1


def test_another_secret_in_the_env_file_is_told_as_listen_tells_it(
    receiver: StartReceiver, cstar: RunCstar, tmp_path: Path
) -> None:
    target = receiver(Answer(401, b"invalid signature"))
    (tmp_path / ".env").write_text(f"CSTAR_WEBHOOK_SECRET={SECRET}\n")
    told = "The CSTAR_WEBHOOK_SECRET of .env is not the secret that signs here"
    done = cstar("check", target.url)
    assert f"Change: {told}: cstar listen --env-file .env writes that one there" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    given = cstar("check", target.url, "--secret", "whsec_of_a_webhook")
    assert told not in given.stdout
    assert "signed with the secret that you gave: if your receiver has another" in given.stdout


def test_a_receiver_that_is_not_there_ends_it_with_one_message_and_the_report_has_it(
    cstar: RunCstar, tmp_path: Path
) -> None:
    done = cstar("check", f"http://127.0.0.1:{free_port()}/webhook", "--junit", "out.xml")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cstar: Can't reach http://127.0.0.1:" in done.stderr
    advice = done.stderr.strip().rsplit("refused by", 1)[1].partition(". ")[2]
    assert advice
    assert f"Change: {advice}" in (tmp_path / "out.xml").read_text()


def test_a_port_that_speaks_tls_is_told_as_such(receiver: StartReceiver, cstar: RunCstar) -> None:
    target = receiver(Answer(400, b"The plain HTTP request was sent to HTTPS port"))
    done = cstar("check", target.url, "-k", "valid")
    assert done.returncode == 5
    assert f"Change: The server speaks TLS there: forward to https://127.0.0.1:{target.port}" in done.stdout


@pytest.mark.parametrize("path", ["nowhere/out.xml", "/dev/null/out.xml", "."])
def test_a_report_that_can_not_be_written_is_told_before_anything_is_sent(
    path: str, receiver: StartReceiver, cstar: RunCstar
) -> None:
    target = receiver()
    done = cstar("check", target.url, "--junit", path)
    assert (done.returncode, target.requests) == (1, [])
    assert f"Can't write --junit {path}" in done.stderr


def test_its_trials_are_listed_and_no_url_is_wrong_usage(cstar: RunCstar) -> None:
    assert "time-old" in cstar("check", "--list", "--wire", "2026-03").stdout
    done = cstar("check")
    assert (done.returncode, "Which receiver?" in done.stderr) == (2, True)
