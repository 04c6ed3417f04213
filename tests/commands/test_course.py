import asyncio
import json
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from cstar_cli.activity import ChaosCounts, Ready, Summary
from cstar_cli.commands.course import Course, Limits, limits_of
from cstar_cli.commands.ready_file import ReadyFile
from cstar_cli.errors import CloudUnreachable, CstarError, ExitCode, ExpectationNotMet, UsageError
from tests.render.samples import RECONNECTED, ROUTES
from tests.tunnel.virtual_time import virtually

READY = Ready("http://app", "whsec_1", "http://cloud", "team", "ses_1", False, ())
NOTHING = Summary(0, 0, 0, 0)


class Stage:
    """A course, and when it has stopped its listener; nothing else has, unless `stopped_at` says so."""

    def __init__(self, limits: Limits) -> None:
        self.course = Course(limits, ReadyFile(None))
        self.stopped_at: float | None = None
        self.course.begin(self._stop)

    def _stop(self) -> bool:
        if self.stopped_at is not None:
            return False
        self.stopped_at = asyncio.get_running_loop().time()
        return True


def refused(once: bool, most: int | None, text: str | None) -> str:
    with pytest.raises(UsageError) as refusal:
        limits_of(most, text, once=once)
    return str(refusal.value)


def test_limits_are_read_as_they_are_written() -> None:
    assert limits_of(None, None, once=False) == Limits()
    assert limits_of(None, None, once=True) == limits_of(1, None, once=True) == Limits(most=1)
    assert limits_of(3, "1.5m", once=False) == Limits(3, 90.0, "1.5m")


def test_limits_that_make_no_sense_are_refused() -> None:
    assert refused(True, 2, None) == "--once and --max 2 go against each other: leave one of them out."
    assert refused(False, None, "soon").startswith("--for: 'soon' is not a duration")
    assert refused(False, None, "0").startswith("--for 0 is out of range")


@virtually
async def test_the_time_counts_from_when_it_is_ready() -> None:
    stage = Stage(Limits(for_s=30))
    await asyncio.sleep(20)
    stage.course.note(READY)
    await asyncio.sleep(29)
    assert stage.stopped_at is None
    await asyncio.sleep(2)
    assert stage.stopped_at == pytest.approx(50)
    assert stage.course.exit_code(Summary(2, 0, 2, 0)) is ExitCode.DONE


@virtually
async def test_a_cloud_that_does_not_answer_in_that_time_is_said_to_be_away() -> None:
    stage = Stage(Limits(for_s=30, for_text="30s"))
    await asyncio.sleep(31)
    assert stage.stopped_at == pytest.approx(30)
    with pytest.raises(CloudUnreachable, match="No cloud answered within 30s"):
        stage.course.exit_code(NOTHING)


@virtually
async def test_without_a_time_it_never_ends_by_itself() -> None:
    stage = Stage(Limits(most=3))
    stage.course.note(READY)
    await asyncio.sleep(86_400)
    assert stage.stopped_at is None


@virtually
async def test_as_many_as_asked_for_is_done_when_all_succeeded_and_failed_when_one_did() -> None:
    course = Stage(Limits(most=3)).course
    assert course.exit_code(Summary(3, 3, 0, 0)) is ExitCode.DONE
    with pytest.raises(CstarError, match=r"^1 of 3 events failed\.$") as failed:
        course.exit_code(Summary(3, 2, 1, 0))
    assert failed.value.exit_code is ExitCode.FAILED


@virtually
async def test_a_duplicate_that_fails_is_a_failure_but_no_event() -> None:
    course = Stage(Limits(most=3)).course
    assert course.exit_code(Summary(3, 3, 0, 0, chaos=ChaosCounts(duplicated=2))) is ExitCode.DONE
    with pytest.raises(CstarError, match=r"^1 of 2 duplicates failed\.$"):
        course.exit_code(Summary(3, 3, 0, 0, chaos=ChaosCounts(duplicated=2, duplicates_failed=1)))


@virtually
async def test_an_attempt_that_another_follows_is_no_failure_and_no_event_of_its_own() -> None:
    course = Stage(Limits(most=2, for_s=30, for_text="30s")).course
    assert course.exit_code(Summary(4, 2, 2, 0, retried=2)) is ExitCode.DONE
    with pytest.raises(CstarError, match=r"^1 of 2 events failed\.$"):
        course.exit_code(Summary(5, 1, 4, 0, retried=3))
    with pytest.raises(ExpectationNotMet, match=r"^Forwarded 1 of 2 events within 30s\.$"):
        course.exit_code(Summary(4, 1, 3, 0, waiting=1, retried=3))


@virtually
async def test_fewer_than_asked_for_in_the_time_is_an_expectation_not_met() -> None:
    stage = Stage(Limits(most=3, for_s=30, for_text="30s"))
    stage.course.note(READY)
    await asyncio.sleep(31)
    with pytest.raises(ExpectationNotMet, match=r"^Forwarded 2 of 3 events within 30s\.$"):
        stage.course.exit_code(Summary(2, 2, 0, 0))


@virtually
async def test_what_came_before_the_time_was_up_counts_when_that_ends_it_later() -> None:
    stage = Stage(Limits(most=1, for_s=30, for_text="30s"))
    stage.course.note(READY)
    stage.stopped_at = 10.0  # by the one event
    await asyncio.sleep(31)
    assert stage.course.exit_code(Summary(1, 1, 0, 0)) is ExitCode.DONE


@virtually
async def test_a_signal_is_what_ended_it_whatever_else_did() -> None:
    stage = Stage(Limits(most=3, for_s=30))
    await asyncio.sleep(31)
    stage.course.interrupted()
    assert stage.course.exit_code(NOTHING) is ExitCode.INTERRUPTED


def test_without_limits_a_signal_is_all_that_ends_it(tmp_path: Path) -> None:
    course = Course(Limits(), ReadyFile(tmp_path / "ready"))
    course.interrupted()
    assert course.exit_code(NOTHING) is ExitCode.INTERRUPTED


@virtually
async def test_the_ready_file_has_the_session_that_is_there_now(tmp_path: Path) -> None:
    path = tmp_path / "ready"
    course = Course(Limits(), ReadyFile(path))
    course.note(RECONNECTED)  # of a session that was never told of
    assert not path.exists()
    course.note(READY)
    assert told(path) == {"session_id": "ses_1", "forward_to": "http://app"}
    course.note(replace(RECONNECTED, session_id="ses_2"))
    assert told(path) == {"session_id": "ses_2", "forward_to": "http://app"}


@virtually
async def test_the_ready_file_has_each_route_where_there_are_several(tmp_path: Path) -> None:
    course = Course(Limits(), ReadyFile(tmp_path / "ready"))
    course.note(replace(READY, routes=ROUTES))
    assert told(tmp_path / "ready") == {
        "routes": [
            {"name": "billing", "session_id": "ses_1", "forward_to": "http://localhost:4000/hook"},
            {"name": ":3000/webhook", "session_id": "ses_2", "forward_to": "http://localhost:3000/webhook"},
        ]
    }


def told(path: Path) -> dict[str, object]:
    facts: dict[str, object] = json.loads(path.read_text("utf-8"))
    assert facts.pop("pid") == os.getpid()
    return facts
