import json
from pathlib import Path

import pytest

from tests.processes import RunCstar, StartListening
from tests.receiver import Answer, StartReceiver

TWO = """
[[steps]]
name = "ticket"
type = "ticket.created"
expect = "{expect}"
[[steps]]
type = "ticket.closed"
override = {{ title = "{title}" }}
"""


def test_a_story_arrives_in_its_order_each_event_after_the_one_before(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver, tmp_path: Path
) -> None:
    target = receiver()
    listening("--forward-to", target.url)
    (tmp_path / "story.toml").write_text(TWO.format(expect="2xx", title="again ${ticket.data.title}"))
    done = cstar("scenario", "run", "story.toml")
    assert (done.returncode, done.stderr) == (0, "")
    bodies = [json.loads(request.body) for request in target.wait_for(2)]
    assert [body["type"] for body in bodies] == ["ticket.created", "ticket.closed"]
    assert bodies[1]["data"]["title"] == f"again {bodies[0]['data']['title']}"
    assert bodies[0]["data"]["customer_id"] == bodies[1]["data"]["customer_id"]


def test_it_ends_with_5_at_the_step_whose_outcome_is_not_the_expected(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver, tmp_path: Path
) -> None:
    target = receiver(Answer(status=500))
    listening("--forward-to", target.url)
    (tmp_path / "story.toml").write_text(TWO.format(expect="2xx", title="x"))
    done = cstar("scenario", "run", "story.toml")
    assert done.returncode == 5
    assert "story.toml, step 'ticket': Expected 2xx within 30 s: 500 from" in done.stderr
    assert [json.loads(request.body)["type"] for request in target.wait_for(1)] == ["ticket.created"]


def test_a_dry_run_prints_the_bodies_and_needs_no_cloud(cstar: RunCstar) -> None:
    done = cstar("scenario", "run", "ticket-lifecycle", "--dry-run")
    assert done.returncode == 0
    bodies = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(bodies) == 5
    assert bodies[1]["data"]["ticket_id"] == bodies[0]["data"]["id"]


def test_nothing_is_sent_of_a_story_with_a_fault_in_its_last_step(
    cstar: RunCstar, listening: StartListening, tmp_path: Path
) -> None:
    listening()
    (tmp_path / "story.toml").write_text(TWO.format(expect="2xx", title="${tikcet.data.title}"))
    done = cstar("scenario", "run", "story.toml")
    assert done.returncode == 2
    assert "of no earlier step" in done.stderr
    assert cstar("events", "list").stdout == ""


@pytest.mark.parametrize(("key", "text"), [("wait", "soon"), ("expect", "good"), ("within", "never")])
def test_words_that_mean_nothing_are_told_with_their_step(cstar: RunCstar, tmp_path: Path, key: str, text: str) -> None:
    (tmp_path / "story.toml").write_text(f'[[steps]]\ntype = "ticket.created"\n{key} = "{text}"\n')
    done = cstar("scenario", "run", "story.toml", "--dry-run")
    assert done.returncode == 2
    assert f"cstar: story.toml, step 'step1': '{text}'" in done.stderr


def test_what_is_shown_can_be_run(cstar: RunCstar, tmp_path: Path) -> None:
    assert cstar("scenario", "list").stdout.split() == ["boss-fight", "ticket-lifecycle"]
    (tmp_path / "own.toml").write_text(cstar("scenario", "show", "boss-fight").stdout)
    assert cstar("scenario", "run", "own.toml", "--dry-run").returncode == 0


def test_without_a_cloud_it_exits_3(cstar: RunCstar) -> None:
    assert cstar("scenario", "run", "boss-fight").returncode == 3
