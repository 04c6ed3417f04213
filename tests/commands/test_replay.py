"""One replay from its file to its exit code, to a real receiver."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from cstar_cli.commands.recorded import RecordedFile
from cstar_cli.commands.replay_account import Shown
from cstar_cli.commands.replay_run import Job, Wanted, run, show_list
from cstar_cli.commands.replaying import Pace
from cstar_cli.errors import CstarError, ExpectationNotMet, UsageError
from cstar_cli.recording.comparing import Rules
from cstar_cli.recording.format import VERSION, Answer, Delivery, End, Recording, encode, packed
from cstar_cli.recording.paths import parse
from cstar_cli.recording.resending import How
from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import SYSTEM
from cstar_cli.signing import sign
from tests.processes import RunCstar, free_port
from tests.receiver import Answer as Answers
from tests.receiver import StartReceiver

SHOWN = Shown(json=False, quiet=False, no_color=True)
ONE_BY_ONE = Pace(None, 1)
Captured = pytest.CaptureFixture[str]


def line(number: int, status: int | None = 200, answered: bytes = b"ok", *, route: str | None = None) -> Delivery:
    event_type = "ticket.created" if number % 2 else "boss.defeated"
    body = f'{{"id":"evt_{number}","type":"{event_type}","data":{{}}}}'
    text, in_base64 = packed(answered)
    error = None if status == 200 else "answered 500"
    answer = None if status is None else Answer(status, 5.0, error, body=text, body_base64=in_base64)
    at = f"2026-03-26T22:13:{number:02}.000Z"
    ids = (f"evt_{number}", event_type, f"dlv_{number}")
    return Delivery(number, at, *ids, 1, "2025-12", "http://x/", (), body=body, route=route, answer=answer)


def recording(folder: Path, *deliveries: Delivery, redacted: tuple[str, ...] = (), ended: bool = True) -> str:
    file = folder / "s.jsonl"
    first = Recording(VERSION, "cstar-cli/1", "2026-03-26T22:13:00.000Z", redacted)
    end = [End("2026-03-26T22:14:00.000Z", len(deliveries))] if ended else []
    file.write_bytes(encode(first) + b"".join(map(encode, deliveries)) + b"".join(map(encode, end)))
    return str(file)


def job(wanted: Wanted, url: str, rules: Rules | None = None, shown: Shown = SHOWN, **how: bool) -> Job:
    asked = How("whsec_now", None, (), **how)
    return Job(wanted, Target.parse(url), asked, ONE_BY_ONE, 10.0, SYSTEM, rules, shown)


def test_a_recording_is_sent_again_and_told_as_listen_tells_it(
    tmp_path: Path, receiver: StartReceiver, capsys: Captured
) -> None:
    target = receiver()
    asyncio.run(run(job(Wanted(recording(tmp_path, line(2), line(1))), target.url)))
    assert [request.headers["x-cstar-delivery"] for request in target.requests] == ["dlv_1", "dlv_2"]
    assert all(request.headers["x-cstar-signature"] == sign(request.body, "whsec_now") for request in target.requests)
    told = capsys.readouterr()
    assert [row.split()[1:4] for row in told.out.splitlines()] == [
        *(["✓", "ticket.created", "evt_1"], ["✓", "boss.defeated", "evt_2"]),
    ]
    assert told.err == "Replayed 2 of 2: 2 succeeded, 0 failed.\n"


def test_what_failed_then_may_fail_now_and_nothing_else_may(tmp_path: Path, receiver: StartReceiver) -> None:
    target = receiver(Answers(500))
    asyncio.run(run(job(Wanted(recording(tmp_path, line(1, 500))), target.url)))
    with pytest.raises(CstarError, match="1 delivery failed, and not so in the recording"):
        asyncio.run(run(job(Wanted(recording(tmp_path, line(1, 500), line(2))), target.url)))


def test_nothing_differs_where_all_is_the_same(tmp_path: Path, receiver: StartReceiver, capsys: Captured) -> None:
    target = receiver(Answers(body=b'{"b":1,"a":2}'))
    file = recording(tmp_path, line(1, answered=b'{"a":2,"b":1}'))
    asyncio.run(run(job(Wanted(file), target.url, Rules())))
    told = capsys.readouterr()
    assert told.out.splitlines()[-2:] == [
        "Event type\tcompared\tsame\tstatus\tbody\tlatency",
        "ticket.created\t1\t1\t0\t0\t0",
    ]
    assert told.err == "Replayed 1 of 1: 1 succeeded, 0 failed. 1 of 1 answered as in the recording.\n"


def test_what_differs_is_told_summed_up_and_ends_with_5(
    tmp_path: Path, receiver: StartReceiver, capsys: Captured
) -> None:
    target = receiver(Answers(500, b'{"n":2}'))
    file = recording(tmp_path, line(1, answered=b'{"n":1}'), line(2, 500, b'{"n":2}'), line(3, None))
    with pytest.raises(ExpectationNotMet, match="1 of 2 deliveries differs from the recording: status 1, body 1"):
        asyncio.run(run(job(Wanted(file), target.url, Rules())))
    told = capsys.readouterr()
    assert "    status differs: 200 → 500\n    body differs: n: 1 → 2\n" in told.out
    assert told.out.splitlines()[-2:] == ["ticket.created\t1\t0\t1\t1\t0", "boss.defeated\t1\t1\t0\t0\t0"]
    assert "1 delivery had no answer in the recording, and nothing to compare with." in told.err


def test_what_is_ignored_and_found_in_no_answer_is_told_at_the_end(
    tmp_path: Path, receiver: StartReceiver, capsys: Captured
) -> None:
    target = receiver(Answers(body=b'{"meta":{"time":2}}'))
    rules = Rules({path: parse(path) for path in ("meta.tiem", "meta.time")})
    file = recording(tmp_path, line(1, answered=b'{"meta":{"time":1}}'))
    asyncio.run(run(job(Wanted(file), target.url, rules)))
    assert capsys.readouterr().err.splitlines()[1:] == ["--ignore meta.tiem was found in no answer: is the path right?"]


def test_programs_get_the_differences_and_the_sums(tmp_path: Path, receiver: StartReceiver, capsys: Captured) -> None:
    target = receiver(Answers(500))
    shown = Shown(json=True, quiet=False, no_color=True)
    with pytest.raises(ExpectationNotMet):
        asyncio.run(run(job(Wanted(recording(tmp_path, line(1))), target.url, Rules(), shown)))
    [replayed, summary] = map(json.loads, capsys.readouterr().out.splitlines())
    assert (replayed["type"], replayed["status"], replayed["recorded"]["status"]) == ("replayed", 500, 200)
    assert replayed["differences"] == [{"what": "status", "recorded": "200", "now": "500", "places": []}]
    assert (summary["type"], summary["compared"], summary["same"], summary["status"]) == ("summary", 1, 0, 1)


def test_quietly_only_what_failed_or_differs_is_told(tmp_path: Path, receiver: StartReceiver, capsys: Captured) -> None:
    target = receiver(Answers(body=b"new"))
    shown = Shown(json=False, quiet=True, no_color=True)
    file = recording(tmp_path, line(1, answered=b"new"), line(2, answered=b"old"))
    with pytest.raises(ExpectationNotMet):
        asyncio.run(run(job(Wanted(file), target.url, Rules(), shown)))
    told = capsys.readouterr().out
    assert "evt_1" not in told
    assert "evt_2" in told


def test_fresh_ids_that_an_answer_echoes_are_no_difference(tmp_path: Path, receiver: StartReceiver) -> None:
    target = receiver()
    take = target.take
    target.take = lambda request: Answers(body=b"got " + request.body) if take(request) else Answers()  # type: ignore[method-assign]
    one = line(1, answered=b'got {"id":"evt_1","type":"ticket.created","data":{}}')
    asyncio.run(run(job(Wanted(recording(tmp_path, one)), target.url, Rules(), fresh_ids=True)))
    assert b"evt_1" not in target.requests[0].body


def test_a_receiver_that_is_away_ends_it_with_how_far_it_got(tmp_path: Path, capsys: Captured) -> None:
    away = f"http://127.0.0.1:{free_port()}/"
    with pytest.raises(CstarError, match=r"Nothing answers on .*: 0 of 2 were sent\. Start the application") as raised:
        asyncio.run(run(job(Wanted(recording(tmp_path, line(1), line(2))), away, Rules())))
    assert raised.value.exit_code == 1
    assert "evt_2" not in capsys.readouterr().out


def test_of_many_in_flight_to_nobody_only_the_first_is_told(tmp_path: Path, capsys: Captured) -> None:
    file = recording(tmp_path, *map(line, range(1, 9)))
    at_once = msgspec.structs.replace(job(Wanted(file), f"http://127.0.0.1:{free_port()}/"), pace=Pace(None, 8))
    with pytest.raises(CstarError, match=r"0 of 8 were sent"):
        asyncio.run(run(at_once))
    assert capsys.readouterr().out.count("connection refused") == 1


def test_types_and_routes_choose_what_is_sent(tmp_path: Path, receiver: StartReceiver) -> None:
    target = receiver()
    file = recording(tmp_path, line(1, route="a"), line(2, route="a"), line(3, route="b"))
    asyncio.run(run(job(Wanted(file, ("ticket.*",), "a"), target.url)))
    assert [request.headers["x-cstar-delivery"] for request in target.requests] == ["dlv_1"]
    with pytest.raises(CstarError, match=r"has no such delivery: cstar replay .* --list shows all"):
        show_list(Wanted(file, (), "c"), SHOWN)


def test_a_list_shows_what_was_shown_then(tmp_path: Path, capsys: Captured) -> None:
    file = recording(tmp_path, line(1), line(2, 500, b"oh no"), line(3, None))
    show_list(Wanted(file), SHOWN)
    told = capsys.readouterr()
    first, second, answer, third = told.out.splitlines()
    assert told.err == "3 deliveries, over 2 s.\n"
    assert first.endswith("evt_1  200   5.0 ms")
    assert second.endswith("evt_2  500   5.0 ms  Internal Server Error")
    assert answer.strip() == "oh no"
    assert third.endswith("cut short, and never answered")


def test_a_list_compares_nothing(cstar: RunCstar, tmp_path: Path) -> None:
    refused = cstar("replay", recording(tmp_path, line(1)), "--list", "--diff")
    assert (refused.returncode, "--list sends nothing" in refused.stderr) == (2, True)


def test_a_recording_that_was_cut_off_is_told_and_used(tmp_path: Path, capsys: Captured) -> None:
    file = recording(tmp_path, line(1), ended=False)
    show_list(Wanted(file), SHOWN)
    assert "was cut off" in capsys.readouterr().err
    with Path(file).open("ab") as end:
        end.write(encode(line(2))[:-9])
    show_list(Wanted(file), SHOWN)
    told = capsys.readouterr()
    assert "last line was never finished, and is passed over" in told.err
    assert "evt_2" not in told.out


def test_a_recording_that_lost_lines_is_told(tmp_path: Path, capsys: Captured) -> None:
    file = Path(recording(tmp_path, line(1), line(2), line(3)))
    file.write_bytes(file.read_bytes().replace(encode(line(2)), b""))
    show_list(Wanted(str(file)), SHOWN)
    assert "lacks 1 delivery that its last line counts" in capsys.readouterr().err


def test_what_can_not_be_read_is_refused_with_its_name(tmp_path: Path) -> None:
    file = recording(tmp_path, line(1))
    Path(file).write_bytes(Path(file).read_bytes().replace(b"22:13:01.000Z", b"yesterday"))
    with pytest.raises(CstarError, match=r"s\.jsonl: '.*' is not a time"):
        show_list(Wanted(file), SHOWN)
    with pytest.raises(UsageError, match=r"Can't read .*nowhere: No such file"):
        RecordedFile(str(tmp_path / "nowhere"))
