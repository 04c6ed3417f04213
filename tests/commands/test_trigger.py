import json
import subprocess

import pytest
import typer
from pytest_httpserver import HTTPServer

from cstar_cli.commands.completing import complete_type
from cstar_cli.events.catalogue import types
from tests.processes import CSTAR, Env, RunCstar, StartListening
from tests.receiver import StartReceiver


def test_an_event_travels_the_whole_way_and_its_outcome_is_shown(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    listening("--forward-to", receiver().url)
    done = cstar("trigger", "ticket.created", "--wait")
    assert (done.returncode, done.stderr) == (0, "")
    accepted, attempt = done.stdout.splitlines()
    assert accepted.startswith(f"✓ {'ticket.created':20}  evt_")
    assert accepted.endswith("→ 1 listener")
    assert " 200 " in attempt


def test_json_is_the_clouds_answer_one_line_an_event(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    listening("--forward-to", receiver().url)
    done = cstar("trigger", "ticket.created", "--json", "--count", "3")
    answers = [json.loads(line)["data"] for line in done.stdout.splitlines()]
    assert [answer["deliveredTo"] for answer in answers] == [1, 1, 1]
    assert len({answer["event"]["id"] for answer in answers}) == 3


def test_an_outcome_that_differs_from_the_expected_exits_5(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    listening("--forward-to", receiver().url)
    done = cstar("trigger", "ticket.created", "--expect", "404", "--within", "20s")
    assert done.returncode == 5
    assert "Expected 404 within 20 s: 200 from" in done.stderr


def test_without_a_cloud_it_exits_3_and_says_what_to_do(cstar: RunCstar, home: Env) -> None:
    done = cstar("trigger", "ticket.created")
    assert (done.returncode, done.stdout) == (3, "")
    assert home["CSTAR_API_BASE"] in done.stderr
    assert "start one with: cstar listen   (or: cstar cloud serve)" in done.stderr


def test_a_foreign_program_on_the_address_is_named(cstar: RunCstar, httpserver: HTTPServer) -> None:
    done = cstar("trigger", "ticket.created", "--api-base", httpserver.url_for("").rstrip("/"))
    assert done.returncode == 1
    assert "not a cStar cloud answers at http://" in done.stderr


def test_printing_needs_no_cloud_and_gives_exactly_the_body(cstar: RunCstar) -> None:
    done = cstar("trigger", "ticket.created", "--print", "--data", '{"1": 1.0, "é": "\\u2028"}')
    assert done.returncode == 0
    assert done.stdout.endswith('"data":{"1":1,"é":"\u2028"}}\n')


def test_data_is_read_from_standard_input(cstar: RunCstar) -> None:
    done = cstar("trigger", "my.thing", "--custom", "--print", "--data", "-", stdin='{"a": [1]}')
    assert json.loads(done.stdout)["data"] == {"a": [1]}


def test_all_types_are_listed_with_their_meaning(cstar: RunCstar) -> None:
    lines = cstar("trigger", "--list").stdout.splitlines()
    assert lines == [f"{known.name}\t{known.meaning}" for known in types()]


def test_all_types_are_listed_as_json(cstar: RunCstar) -> None:
    lines = cstar("trigger", "--list", "--json").stdout.splitlines()
    assert [json.loads(line)["type"] for line in lines] == [known.name for known in types()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "cstar trigger --list"),
        (("ticket.crated",), "Did you mean ticket.created"),
        (("ticket.crated", "--wire", "2026-03"), "cstar trigger --list --wire 2026-03 shows all types"),
        (("my.thing", "--data", "{}"), "--custom"),
        (("my.thing", "--custom"), "--data"),
        (("ticket.created", "--data", "{"), "Malformed JSON"),
        (("ticket.created", "-o", "nope=1"), "Valid paths: id"),
        (("ticket.created", "--expect", "fine"), "write 2xx"),
        (("ticket.created", "--within", "soon"), "is not a duration"),
        (("ticket.created", "--edit"), "--edit needs a terminal"),
        (("ticket.created", "--within", "0"), "--within 0"),
        (("ticket.created", "--interval", "nan"), "--interval nan"),
        (("ticket.created", "--data", "@/dev/zero"), "at most 1 MiB"),
        (("ticket.created", "--count", "0"), "--count"),
        (("ticket.created", "--api-base", "ftp://x"), "ftp://x"),
    ],
)
def test_what_makes_no_sense_exits_2_and_says_why(cstar: RunCstar, arguments: tuple[str, ...], message: str) -> None:
    done = cstar("trigger", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.parametrize(
    ("wire", "offered"),
    [("2025-12", ["spawned", "defeated"]), ("2026-03", ["spawned", "damaged", "defeated"]), ("no-such", ["spawned"])],
)
def test_types_of_the_wire_version_are_completed_with_their_meaning(wire: str, offered: list[str]) -> None:
    context = typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None)))
    context.params["wire"] = wire
    found = dict(complete_type(context, "boss."))
    assert [name for name in found if name.removeprefix("boss.") in offered] == [f"boss.{each}" for each in offered]
    assert found["boss.spawned"] == "a boss appears for the team"
    assert ("boss.damaged" in found) == (wire == "2026-03")


def test_a_closed_output_ends_it_without_a_traceback(
    listening: StartListening, receiver: StartReceiver, home: Env
) -> None:
    listening("--forward-to", receiver().url)
    with subprocess.Popen(
        [*CSTAR, "trigger", "ticket.created", "--json", "--count", "500"],
        env=dict(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
