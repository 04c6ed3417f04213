import json

import jsonschema_rs
import pytest

from cstar_cli.events.canonical import Json, parse
from cstar_cli.events.catalogue import EventType, find, types
from cstar_cli.events.envelope import build_event
from cstar_cli.events.fixtures import fixture
from cstar_cli.events.schemas import Field, fields_of, schema_of, schema_of_all
from cstar_cli.events.wires import DEFAULT, NAMES

TEAM = "0b6f8a52-6f0e-4d0c-9b54-1f4f5d1f3f10"
every_type = pytest.mark.parametrize(
    ("event_type", "wire"),
    [(event_type, wire) for wire in NAMES for event_type in types(wire)],
    ids=lambda each: each.name if isinstance(each, EventType) else each,
)


def event_of(event_type: EventType, wire: str = DEFAULT) -> dict[str, Json]:
    data = fixture(event_type.name, TEAM, 1_765_377_000_000, wire=wire)
    value = parse(build_event(event_type.name, data, TEAM, 1_765_377_000_000, made_in=wire).body)
    assert isinstance(value, dict)
    return value


def checker(schema: dict[str, Json]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.dumps(schema), validate_formats=True)


@every_type
def test_an_event_fits_the_schema_of_its_type_and_that_of_all_and_no_other(event_type: EventType, wire: str) -> None:
    event = event_of(event_type, wire)
    fitting = [other.name for other in types(wire) if checker(schema_of(other, wire)).is_valid(event)]
    assert fitting == [event_type.name]
    assert checker(schema_of_all(wire)).is_valid(event)


@every_type
@pytest.mark.parametrize("field", ["id", "type", "team_id", "created_at", "data"])
def test_without_a_field_of_the_envelope_it_does_not_fit(event_type: EventType, wire: str, field: str) -> None:
    event = event_of(event_type, wire)
    del event[field]
    assert not checker(schema_of(event_type, wire)).is_valid(event)


@every_type
def test_with_any_field_of_another_kind_it_does_not_fit(event_type: EventType, wire: str) -> None:
    event = event_of(event_type, wire)
    data = event["data"]
    assert isinstance(data, dict)
    wrong = [{**event, "data": {**data, name: {"an": "object"}}} for name in data]
    check = checker(schema_of(event_type, wire))
    assert [each for each in wrong if check.is_valid(each)] == []


def test_a_field_that_is_null_in_one_type_of_a_resource_may_be_null_in_all() -> None:
    assignees = [field for name in ("ticket.created", "ticket.updated") for field in fields_of(name)]
    assert {field for field in assignees if field.name == "assignee_id"} == {
        Field("assignee_id", "uuid", is_nullable=True)
    }


def test_more_fields_may_come() -> None:
    created = find("ticket.created")
    event = event_of(created)
    assert checker(schema_of(created)).is_valid({**event, "new": 1})


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (Field("id", "uuid"), "uuid"),
        (Field("tags", "string", is_list=True), "list of strings"),
        (Field("at", "time", is_nullable=True), "time or null"),
    ],
)
def test_a_type_in_words(field: Field, words: str) -> None:
    assert field.described() == words
