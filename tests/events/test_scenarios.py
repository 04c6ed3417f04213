from pathlib import Path

import pytest

from cstar_cli.errors import UsageError
from cstar_cli.events.canonical import Json
from cstar_cli.events.catalogue import is_known
from cstar_cli.events.fixtures import Filling, template
from cstar_cli.events.scenarios import Step, built_in, load, parse

TEAM = "0b6f8a52-6f0e-4d0c-9b54-1f4f5d1f3f10"


def steps(text: str) -> list[Step]:
    return [*parse(text, "story.toml")]


def told(story: list[Step]) -> dict[str, dict[str, Json]]:
    """Return the events of a story, by the names of their steps."""
    earlier: dict[str, dict[str, Json]] = {}
    uuids: dict[str, str] = {}
    for number, step in enumerate(story):
        data = step.made(template(step.type), earlier, Filling(TEAM, 1_765_377_000_000 + number * 1000, uuids=uuids))
        earlier[step.name] = {"id": f"evt_{number}", "type": step.type, "data": data}
    return earlier


def of(events: dict[str, dict[str, Json]], name: str) -> dict[str, Json]:
    data = events[name]["data"]
    assert isinstance(data, dict)
    return data


@pytest.mark.parametrize("name", built_in())
def test_a_built_in_scenario_tells_of_known_types_without_a_fault(name: str) -> None:
    story = [*load(name)]
    assert all(is_known(step.type) for step in story)
    assert len(told(story)) == len(story) > 1


def test_the_ticket_and_its_customer_are_the_same_throughout_its_life() -> None:
    events = told([*load("ticket-lifecycle")])
    assert [event["type"] for event in events.values()] == [
        "ticket.created",
        "ticket.message_added",
        "ticket.updated",
        "ticket.closed",
        "survey.submitted",
    ]
    ids = {of(events, name)["id"] for name in ("ticket", "update", "closing")}
    assert ids | {of(events, name)["ticket_id"] for name in ("message", "survey")} == ids
    assert len(ids) == 1
    assert len({of(events, name)["customer_id"] for name in events}) == 1


def test_a_value_of_an_earlier_step_keeps_its_kind_and_in_a_text_becomes_text() -> None:
    events = told(
        steps("""
[[steps]]
name = "ticket"
type = "ticket.created"
[[steps]]
name = "next"
type = "ticket.updated"
override = { number = "${ticket.data.number}", tags = "${ticket.data.tags}" }
add = { note = "after ${ticket.id}: ${ticket.data.number}, ${ticket.data.tags[0]}" }
""")
    )
    assert of(events, "next")["number"] == of(events, "ticket")["number"]
    assert of(events, "next")["tags"] == of(events, "ticket")["tags"]
    assert of(events, "next")["note"] == "after evt_0: 1042, login"


def test_another_ticket_has_an_id_of_its_own() -> None:
    events = told(
        steps("""
[[steps]]
name = "one"
type = "ticket.created"
[[steps]]
name = "two"
type = "ticket.created"
override = { id = { "$uuid" = "second" } }
""")
    )
    assert of(events, "one")["id"] != of(events, "two")["id"]
    assert of(events, "one")["customer_id"] == of(events, "two")["customer_id"]


def test_data_replaces_the_fixtures_and_may_hold_times() -> None:
    [step] = steps('[[steps]]\ntype = "ticket.created"\ndata = { at = 2026-01-02T03:04:05Z, list = [1, { a = true }] }')
    assert step.made({"x": 1}, {}, Filling(TEAM, 0)) == {"at": "2026-01-02T03:04:05+00:00", "list": [1, {"a": True}]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[steps]\n", "line 1"),
        ("", "no steps"),
        ("steps = 1", "no steps"),
        ("steps = [1]", "no steps"),
        ("other = 1", "unknown key 'other'"),
        ("[[steps]]\nname = 'x'", "step 1: it has no type"),
        (
            "[[steps]]\ntype = 'a.b'\nwiat = '1s'",
            "step 1: unknown key 'wiat'. Did you mean 'wait'? Valid are: name, type, wait",
        ),
        ("[[steps]]\ntype = 1", "'type' must be a text"),
        ("[[steps]]\ntype = 'a.b'\nwait = 3", "step 1: 'wait' must be a text, like \"2s\"."),
        ("[[step]]\ntype = 'a.b'", "unknown key 'step'. Did you mean 'steps'?"),
        ("[[steps]]\ntype = 'a.b'\ndata = { id = { '$uid' = 'a' } }", "step 1: data: There is no placeholder '$uid'"),
        ("[[steps]]\ntype = 'a.b'\ndata = 'x'", "'data' must be a table"),
        ("[[steps]]\ntype = 'a.b'\nremove = [1]", "'remove' must be a list of paths"),
        ("[[steps]]\ntype = 'a.b'\nname = 'X!'", "is no name"),
        ("[[steps]]\ntype = 'a.b'\nname = 'x'\n[[steps]]\ntype = 'a.b'\nname = 'x'", "step 2: there is a step 'x'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_and_where(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=r"story\.toml") as error:
        steps(text)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("${nobody.id}", "of no earlier step; earlier steps are: ticket"),
        ("${ticket.data.titel}", "There is no 'data.titel'"),
        ("x ${ticket.data.tags}", "can only stand alone"),
        ("${ticket}", "is not a path"),
    ],
)
def test_a_reference_to_what_is_not_there_names_the_step_and_what_there_is(value: str, said: str) -> None:
    story = steps(
        f"""
[[steps]]
name = "ticket"
type = "ticket.created"
[[steps]]
name = "next"
type = "ticket.updated"
override = {{ title = "{value}" }}
"""
    )
    with pytest.raises(UsageError, match="step 'next'") as error:
        told(story)
    assert said in str(error.value)


def test_a_scenario_that_there_is_not_names_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="boss-fight, ticket-lifecycle"):
        load("nope")
    with pytest.raises(UsageError, match="Can't read"):
        load(str(tmp_path))
