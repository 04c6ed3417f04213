"""The file of `listen --record`: a real one, with a thread that writes it."""

import asyncio
import os
import stat
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cstar_cli.activity import Activity, Forwarded, Notice, Ready, Reconnected, RouteSession
from cstar_cli.commands.account import Routed
from cstar_cli.commands.listen_plan import record_of
from cstar_cli.commands.listening import Options, Output
from cstar_cli.commands.record import Record, Recording
from cstar_cli.commands.routing import Plan
from cstar_cli.errors import UsageError
from cstar_cli.events.filters import EventFilter
from cstar_cli.protocol.frames import Delivery as Pushed
from cstar_cli.protocol.frames import Result
from cstar_cli.recording.format import Delivery, Line, Session, read
from cstar_cli.sender.posting import Spawn
from cstar_cli.sender.target import Target
from cstar_cli.tunnel.forwarder import Done, Unanswered

SECRET = "whsec_of_this_very_test"
OPTIONS = Options(
    Target.parse("http://localhost:3000/hook?token=of_the_url"),
    EventFilter(),
    SECRET,
    (("Authorization", "Bearer abcdefgh"),),
)
READY = Ready("http://localhost:3000/hook", SECRET, "http://cloud", "team", "ses_1", False, ("*",))
FORWARDED = Forwarded(0, "evt_1", "ticket.created", "dlv_1", 1, "", 200, 1.0, "succeeded", None, b"")


class Given:
    """What is canceled never."""

    def cancel(self) -> None: ...


class Listening:
    """A recording beside an output, whose posts end at once as they are told to."""

    def __init__(self, wanted: Record, plan: Options | Plan = OPTIONS) -> None:
        self.seen: list[Activity] = []
        self.unanswered: Unanswered | None = None
        self.answer = b"ok"
        self.recording = Recording(wanted, plan, "sk_test_of_the_cloud")
        self.output = self.recording.beside(Output(self.seen.append, lambda: None))

    @property
    def said(self) -> list[str]:
        return [activity.message for activity in self.seen if isinstance(activity, Notice)]

    def forward(self, number: int, route: str | None = None, options: Options = OPTIONS) -> None:
        pushed = Pushed(f"dlv_{number}", f"evt_{number}", "ticket.created", 1, body=b'{"data":{"email":"a@b.example"}}')
        assert self.output.around is not None
        self.output.around(self._post, options, route)(pushed, lambda *_: None, None)  # type: ignore[arg-type]

    def _post(self, delivery: Pushed, done: Done, spawn: Spawn) -> Given:
        result = Result(delivery.delivery_id, 1, True, 200, None, 0, 1.0, body=self.answer)
        done(result, replace(FORWARDED, delivery_id=delivery.delivery_id), self.unanswered)
        return Given()


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def wanted(path: Path, *redacted: str, force: bool = False) -> Record:
    return Record(path, force, redacted)


def lines(path: Path) -> list[Line]:
    with path.open("rb") as file:
        return [placed.line for placed in read(file)]


def test_a_session_is_in_a_file_that_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"

    async def scenario() -> None:
        listening = Listening(wanted(file))
        listening.output.report(READY)
        listening.forward(1)
        assert listening.recording.finish() is None
        assert listening.seen[0] == READY
        assert listening.said == [f"Recorded 1 delivery, to send again: cstar replay {file} -f URL"]

    run(scenario)
    kinds = [type(line).__name__ for line in lines(file)]
    assert kinds == ["Recording", "Session", "Delivery", "End"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_neither_the_secret_nor_the_clouds_key_nor_a_header_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"

    async def scenario() -> None:
        listening = Listening(wanted(file))
        listening.output.report(READY)
        listening.answer = f"{SECRET} sk_test_of_the_cloud abcdefgh Cannot POST /hook?token=of_the_url".encode()
        listening.forward(1)
        listening.recording.finish()

    run(scenario)
    assert [
        text for text in (SECRET, "of_this_very", "sk_test", "abcdefgh", "of_the_url") if text in file.read_text()
    ] == []


def test_a_path_that_was_found_in_nothing_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        listening = Listening(wanted(tmp_path / "s.jsonl", "data.email", "data.emial"))
        listening.output.report(READY)
        listening.forward(1)
        listening.recording.finish()
        assert listening.said[0] == "--redact data.emial was found in nothing that was recorded: is the path right?"
        assert len(listening.said) == 2

    run(scenario)


def test_a_file_that_is_there_is_overwritten_only_when_that_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    file.write_text("precious")
    file.chmod(0o644)

    async def scenario() -> None:
        with pytest.raises(
            UsageError, match="is there already: give another file to --record, or replace it with --force"
        ):
            Listening(wanted(file))
        assert file.read_text() == "precious"
        listening = Listening(wanted(file, force=True))
        listening.output.report(READY)
        listening.recording.finish()

    run(scenario)
    assert [*tmp_path.iterdir()] == [file]
    assert len(lines(file)) == 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_session_that_never_began_leaves_no_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        listening = Listening(wanted(tmp_path / "s.jsonl"))
        assert listening.recording.finish() is None
        assert listening.said == []

    run(scenario)
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_nothing_can_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    async def scenario() -> None:
        with pytest.raises(UsageError, match=r"--record .* can't be written: No such file or directory"):
            Listening(wanted(tmp_path / "nowhere" / "s.jsonl"))
        with pytest.raises(UsageError, match="a path begins with data"):
            Listening(wanted(tmp_path / "s.jsonl", "customer.email"))

    run(scenario)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_once_and_at_the_end_and_stops_nothing() -> None:
    async def scenario() -> None:
        listening = Listening(wanted(Path("/dev/full")))
        listening.output.report(READY)
        while not listening.said:
            listening.forward(1)
            await asyncio.sleep(0)
        for number in range(20):
            listening.forward(number)
            await asyncio.sleep(0)
        why = "can't write /dev/full: No space left on device"
        assert listening.said == [f"The recording ends here, listening goes on: {why}."]
        assert listening.recording.finish() == "The recording /dev/full is not whole: No space left on device."
        assert len(listening.said) == 1

    run(scenario)


def test_what_comes_waits_while_the_file_takes_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    async def scenario() -> None:
        listening = Listening(wanted(pipe))
        listening.output.report(READY)
        number = 0
        while (room := listening.output.room()) is None:
            number += 1
            listening.forward(number)
        drained = asyncio.get_running_loop().run_in_executor(None, drain, reader)
        await room
        assert listening.recording.finish() is None
        assert (await drained).count(b'"kind":"delivery"') == number

    try:
        run(scenario)
    finally:
        os.close(reader)


def drain(descriptor: int) -> bytes:
    """Read until the other end is closed."""
    os.set_blocking(descriptor, True)
    with open(descriptor, "rb", closefd=False) as file:  # a descriptor, not a path
        return file.read()


def test_what_waits_for_the_application_is_recorded_once(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"

    async def scenario() -> None:
        listening = Listening(wanted(file))
        listening.output.report(READY)
        listening.unanswered = "refused"
        listening.forward(1)
        listening.forward(1)
        listening.output.report(FORWARDED)
        listening.recording.finish()

    run(scenario)
    assert [line.number for line in lines(file) if isinstance(line, Delivery)] == [2]


def test_each_route_and_each_new_session_is_told(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    sessions = tuple(RouteSession(name, f"http://localhost/{name}", ("*",), f"ses_{name}", False) for name in "ab")
    plan = Plan(tuple(Routed(each.name, False, OPTIONS) for each in sessions), ())

    async def scenario() -> None:
        listening = Listening(wanted(file), plan)
        listening.output.report(replace(READY, routes=sessions))
        listening.forward(1, "b")
        anew = (sessions[0], replace(sessions[1], session_id="ses_c"))
        listening.output.report(Reconnected(0, 0, False, False, "ses_a", routes=anew))
        listening.forward(2, "b")
        listening.recording.finish()

    run(scenario)
    written = lines(file)
    assert [(line.route, line.session_id) for line in written if isinstance(line, Session)] == [
        *(("a", "ses_a"), ("b", "ses_b"), ("b", "ses_c")),
    ]
    assert [line.session_id for line in written if isinstance(line, Delivery)] == ["ses_b", "ses_c"]


def test_options_that_are_for_a_recording_need_one() -> None:
    assert record_of(None, [], force=False) is None
    for redacted, force in ((["data.email"], False), ([], True)):
        with pytest.raises(UsageError, match="--redact and --force are for --record"):
            record_of(None, redacted, force=force)


def test_a_pipe_that_nobody_reads_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def scenario() -> None:
        with pytest.raises(UsageError, match="a pipe that nobody reads: start its reader first"):
            Listening(wanted(pipe))
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        Listening(wanted(pipe)).recording.close()
        assert b'"kind":"recording"' in os.read(reader, 4096)
        os.close(reader)

    run(scenario)


def test_a_session_that_never_begins_leaves_the_file_that_it_was_to_replace(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    file.write_text("precious")

    async def scenario() -> None:
        Listening(wanted(file, force=True)).recording.close()

    run(scenario)
    assert [each.read_text() for each in tmp_path.iterdir()] == ["precious"]


def test_a_recording_without_a_delivery_has_nothing_to_replay(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"

    async def scenario() -> None:
        listening = Listening(wanted(file))
        listening.output.report(READY)
        listening.recording.finish()
        assert listening.said == [f"Recorded no delivery: {file} has nothing to send again."]

    run(scenario)
