"""The hint to the first failure: the command that sends its event again to this listener."""

import shlex

import pytest
from msgspec.structs import replace

from cstar_cli import config
from cstar_cli.activity import Activity, Forwarded, Overlap
from cstar_cli.commands.resend_advice import ResendAdvice

from ..render import samples
from ..render.samples import EVENT_ID

FAILED = replace(samples.FAILED, session_id="ses_1")


def command_in(shown: Activity) -> list[str]:
    assert isinstance(shown, Forwarded)
    assert shown.hint
    return shlex.split(shown.hint.removeprefix("to send it again: "))


def test_it_names_the_event_alone_as_a_restart_has_another_session() -> None:
    shown = ResendAdvice(config.DEFAULT_API_BASE, "default", {}).on(FAILED)
    assert command_in(shown) == ["cstar", "events", "resend", EVENT_ID]


@pytest.mark.parametrize("now", [True, False])
def test_it_names_the_session_where_others_listen(now: bool) -> None:
    advice = ResendAdvice(config.DEFAULT_API_BASE, "default", {})
    advice.on(Overlap(("http://localhost:4000",), 0, now=now))
    assert command_in(advice.on(FAILED)) == ["cstar", "events", "resend", EVENT_ID, "--session", "ses_1"]


def test_a_name_stays_when_the_session_ends() -> None:
    advice = ResendAdvice(config.DEFAULT_API_BASE, "default", {None: "laptop"})
    assert command_in(advice.on(FAILED)) == ["cstar", "events", "resend", EVENT_ID, "--session", "laptop"]


@pytest.mark.parametrize(("route", "session"), [("billing", "laptop-billing"), (":3000/webhook", "ses_1")])
def test_of_several_routes_only_the_one_that_failed_gets_it_again(route: str, session: str) -> None:
    advice = ResendAdvice(config.DEFAULT_API_BASE, "default", {"billing": "laptop-billing", ":3000/webhook": None})
    assert command_in(advice.on(replace(FAILED, route=route)))[-2:] == ["--session", session]


def test_it_names_another_address_and_another_profile() -> None:
    shown = ResendAdvice("https://cloud.example", "work", {}).on(FAILED)
    assert command_in(shown) == [
        "cstar", "--profile", "work", "events", "resend", EVENT_ID, "--api-base", "https://cloud.example",
    ]  # fmt: skip


def test_it_is_given_once_a_run() -> None:
    advice = ResendAdvice(config.DEFAULT_API_BASE, "default", {})
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
    advice = ResendAdvice(config.DEFAULT_API_BASE, "default", {})
    assert advice.on(failed) == failed
    assert command_in(advice.on(FAILED))
