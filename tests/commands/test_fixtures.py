import json
from pathlib import Path

from tests.processes import Env, RunCstar, StartListening
from tests.receiver import StartReceiver


def test_a_received_event_becomes_a_fixture_and_is_sent_again_under_its_name(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver, home: Env
) -> None:
    listening("--forward-to", receiver().url)
    made = json.loads(cstar("trigger", "customer.created", "-o", "name=Zoë", "--json").stdout)["data"]["event"]["id"]
    saved = cstar("fixtures", "save", "zoe", "--from", made)
    assert (saved.returncode, saved.stderr) == (0, "")
    assert saved.stdout.splitlines()[-1] == "Send it: cstar trigger zoe"
    path = Path(home["CSTAR_HOME"]) / "fixtures" / "zoe.json"
    assert cstar("fixtures", "path", "zoe").stdout.strip() == str(path)
    assert json.loads(cstar("fixtures", "show", "zoe").stdout) == json.loads(path.read_text())
    body = json.loads(cstar("trigger", "zoe", "--print").stdout)
    assert (body["type"], body["data"]["name"]) == ("customer.created", "Zoë")
    assert cstar("trigger", "zoe", "--expect", "2xx").returncode == 0


def test_a_fixture_is_not_replaced_unless_asked_for(cstar: RunCstar, listening: StartListening) -> None:
    listening()
    made = json.loads(cstar("trigger", "customer.created", "--json").stdout)["data"]["event"]["id"]
    assert cstar("fixtures", "save", "x", "--from", made, "--project").returncode == 0
    again = cstar("fixtures", "save", "x", "--from", made, "--project")
    assert again.returncode == 2
    assert "--force replaces it" in again.stderr
    assert cstar("fixtures", "save", "x", "--from", made, "--project", "--force").returncode == 0
    assert cstar("fixtures", "list").stdout.splitlines()[0] == "x\tcustomer.created\tproject\t2025-12"


def test_a_type_of_ones_own_needs_no_custom(cstar: RunCstar, home: Env) -> None:
    folder = Path(home["CSTAR_HOME"]) / "fixtures"
    folder.mkdir(parents=True)
    (folder / "refund.json").write_text('{"type": "invoice.refunded", "data": {"id": {"$uuid": "invoice"}}}')
    bodies = [json.loads(line) for line in cstar("trigger", "refund", "--print", "--count", "2").stdout.splitlines()]
    assert {body["type"] for body in bodies} == {"invoice.refunded"}
    assert len({body["data"]["id"] for body in bodies}) == 2


def test_a_broken_fixture_is_named_and_the_others_are_listed(cstar: RunCstar, home: Env) -> None:
    folder = Path(home["CSTAR_HOME"]) / "fixtures"
    folder.mkdir(parents=True)
    (folder / "broken.json").write_text("{")
    done = cstar("fixtures", "list", "--json")
    assert "broken.json" in done.stderr
    assert len(done.stdout.splitlines()) == 14
    assert cstar("trigger", "broken", "--print").returncode == 2


def test_editing_needs_a_terminal_and_built_in_ones_have_no_file(cstar: RunCstar) -> None:
    done = cstar("fixtures", "edit", "ticket.created")
    assert (done.returncode, "needs a terminal" in done.stderr) == (2, True)
    done = cstar("fixtures", "path", "ticket.created")
    assert (done.returncode, "cstar fixtures edit ticket.created makes one" in done.stderr) == (2, True)
