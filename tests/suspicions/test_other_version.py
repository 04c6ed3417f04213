import re

import pytest

from cstar_cli.commands.snippet import Stack, receiver
from cstar_cli.events.wires import wire
from cstar_cli.suspicions.answers import Answer, Sent, likeliest_cause

SECRET = "whsec_1"
BODY = b'{"id":"evt_1"}'


def line(version: str, status: int, answer: bytes) -> str:
    cause = likeliest_cause(Answer(status, (), answer), Sent(BODY, wire(version).sign(BODY, SECRET, 1), SECRET))
    assert cause
    return cause.line


@pytest.mark.parametrize(
    ("version", "answer", "other"),
    [
        ("2026-03", b"missing header x-cstar-signature", "2025-12"),
        ("2026-03", b'{"error":"X-CStar-Event required"}', "2025-12"),
        ("2025-12", b"No X-Signature header", "2026-03"),
        ("2025-12", b"x-event-id is required", "2026-03"),
    ],
)
def test_who_looks_for_headers_of_another_version_is_told_which_one_it_gets(
    version: str, answer: bytes, other: str
) -> None:
    said = line(version, 401, answer)
    assert f"the headers of wire version {other}, and this is {version}" in said
    assert f"--wire {other}" in said


@pytest.mark.parametrize(
    ("version", "answer"), [("2025-12", b"wrong x-cstar-signature"), ("2026-03", b"X-Signature differs")]
)
def test_who_names_the_right_headers_is_written_for_this_version(version: str, answer: bytes) -> None:
    assert "looks for the headers" not in line(version, 401, answer)


@pytest.mark.parametrize(("status", "answer"), [(401, b""), (400, b"?"), (403, b"invalid signature")])
def test_a_receiver_of_the_usual_version_is_the_likeliest_where_another_is_sent(status: int, answer: bytes) -> None:
    assert "mostly a receiver written for wire version 2025-12" in line("2026-03", status, answer)
    assert "written for" not in line("2025-12", status, answer)


@pytest.mark.parametrize("answer", [b"wrong x-signature", b'{"error":"x-signature: wrong secret"}'])
def test_a_receiver_that_names_the_right_headers_is_not_taken_for_one_of_the_usual_version(answer: bytes) -> None:
    assert "--print-secret" in line("2026-03", 401, answer)
    assert "written for" not in line("2026-03", 401, answer)


@pytest.mark.parametrize(("sent", "written_for"), [("2025-12", "2026-03"), ("2026-03", "2025-12")])
@pytest.mark.parametrize("stack", Stack)
def test_what_a_receiver_of_the_other_version_answers_tells_that_it_is_one(
    stack: str, sent: str, written_for: str
) -> None:
    [answer] = {found[0] for found in re.findall(r"""(?<=["'])(wrong .*?)(["'])""", receiver(stack, written_for))}
    assert f"the headers of wire version {written_for}" in line(sent, 401, answer.encode())


def test_a_refusal_that_is_not_about_signatures_stays_one() -> None:
    assert "CSRF" in line("2026-03", 403, b"no")
