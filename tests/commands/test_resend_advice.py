"""The hint to the first failure: the command that sends its event again to just this listener."""

import shlex

import pytest
from msgspec.structs import replace

from cstar_cli import config
from cstar_cli.activity import Forwarded
from cstar_cli.commands.resend_advice import ResendAdvice

from ..render import samples
from ..render.samples import EVENT_ID

FAILED = replace(samples.FAILED, session_id="ses_1")


def command_in(shown: Forwarded) -> list[str]:
    assert shown.hint
    return shlex.split(shown.hint.removeprefix("to send it again: "))


def test_it_names_the_event_and_the_session() -> None:
    shown = ResendAdvice(config.DEFAULT_API_BASE, "default").on(FAILED)
    assert command_in(shown) == ["cstar", "events", "resend", EVENT_ID, "--session", "ses_1"]


def test_it_names_another_address_and_another_profile() -> None:
    shown = ResendAdvice("https://cloud.example", "work").on(FAILED)
    assert command_in(shown) == [
        "cstar", "--profile", "work", "events", "resend", EVENT_ID, "--session", "ses_1",
        "--api-base", "https://cloud.example",
    ]  # fmt: skip


def test_it_is_given_once_a_run() -> None:
    advice = ResendAdvice(config.DEFAULT_API_BASE, "default")
    advice.on(FAILED)
    assert advice.on(FAILED) == FAILED


@pytest.mark.parametrize(
    "failed",
    [
        replace(FAILED, next_attempt_at_ms=1),
        replace(FAILED, hint="something better"),
        replace(FAILED, session_id=None),
    ],
)
def test_it_waits_for_a_failure_that_it_is_for(failed: Forwarded) -> None:
    advice = ResendAdvice(config.DEFAULT_API_BASE, "default")
    assert advice.on(failed) == failed
    assert advice.on(FAILED).hint
