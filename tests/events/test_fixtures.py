import itertools
import json
import re
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from cstar_cli.errors import UsageError
from cstar_cli.events.canonical import Json, canonical, dumps
from cstar_cli.events.catalogue import names
from cstar_cli.events.envelope import build_event
from cstar_cli.events.fixtures import as_written, check_placeholders, fixture, random_uuid, template
from cstar_cli.events.wires import NAMES, folder, wire

TEAM = "0b6f8a52-6f0e-4d0c-9b54-1f4f5d1f3f10"
NOW_MS = 1_765_377_000_000

OLD, NEW = NAMES

every_type = pytest.mark.parametrize(
    ("event_type", "made_in"), [(name, wire) for wire in NAMES for name in names(wire)]
)
every_old_type = pytest.mark.parametrize("event_type", names(OLD))
every_new_type = pytest.mark.parametrize("event_type", names(NEW))


def counted() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"00000000-0000-4000-8000-{next(numbers):012d}"


def data_of(event_type: str, made_in: str = OLD) -> dict[str, Json]:
    return fixture(event_type, TEAM, NOW_MS, wire=made_in)


def body_of(event_type: str, made_in: str) -> bytes:
    return build_event(event_type, data_of(event_type, made_in), TEAM, NOW_MS, made_in=made_in).body


def objects(value: Json) -> Iterator[dict[str, Json]]:
    """Yield the object and all that are in it."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from objects(item)


def resource_of(event_type: str, made_in: str) -> dict[str, Json]:
    resource = wire(made_in).resource_of(event_type, data_of(event_type, made_in))
    assert isinstance(resource, dict)
    return resource


@every_type
def test_a_fixture_file_is_plain_ascii(event_type: str, made_in: str) -> None:
    assert (folder(made_in) / "fixtures" / f"{event_type}.json").read_bytes().isascii()


def is_flat(resource: Json) -> bool:
    def scalar(value: Json) -> bool:
        return not isinstance(value, list | dict)

    return isinstance(resource, dict) and all(
        all(map(scalar, value)) if isinstance(value, list) else scalar(value) for value in resource.values()
    )


@every_old_type
def test_in_2025_12_data_is_the_resource_and_flat(event_type: str) -> None:
    assert is_flat(data_of(event_type))


@every_new_type
def test_in_2026_03_data_is_named_flat_resources_and_that_which_the_event_is_about_comes_first(event_type: str) -> None:
    data = data_of(event_type, NEW)
    changes = data.pop("changes", {})
    assert all(map(is_flat, data.values()))
    assert wire(NEW).resource_of(event_type, data) is next(iter(data.values()))
    assert (event_type == "ticket.updated") == bool(changes)


def test_a_resource_has_the_same_fields_in_every_event_of_2026_03() -> None:
    shapes: dict[str, set[tuple[str, ...]]] = {}
    for event_type in names(NEW):
        for name, resource in data_of(event_type, NEW).items():
            if isinstance(resource, dict) and name != "changes":
                shapes.setdefault(name, set()).add(tuple(resource))
    assert [name for name, shape in shapes.items() if len(shape) > 1] == []


def test_an_update_of_a_ticket_tells_each_change_and_the_ticket_is_what_it_has_become() -> None:
    data = data_of("ticket.updated", NEW)
    changes, ticket = data["changes"], data["ticket"]
    assert isinstance(changes, dict)
    assert isinstance(ticket, dict)
    assert {"status", "priority"} <= changes.keys()
    for name, change in changes.items():
        assert isinstance(change, dict)
        assert [*change] == ["from", "to"]
        assert change["to"] == ticket[name] != change["from"]


@pytest.mark.parametrize("event_type", sorted({*names(OLD)} & {*names(NEW)}))
def test_what_both_versions_have_says_all_that_the_older_one_says(event_type: str) -> None:
    assert resource_of(event_type, OLD).keys() <= resource_of(event_type, NEW).keys()


@every_type
def test_every_placeholder_is_filled(event_type: str, made_in: str) -> None:
    assert b"$" not in body_of(event_type, made_in)


@every_type
def test_javascript_gives_the_same_bytes(event_type: str, made_in: str) -> None:
    body = body_of(event_type, made_in)
    assert canonical(body) == body


@every_type
def test_the_documented_python_receiver_gives_the_same_bytes(event_type: str, made_in: str) -> None:
    body = body_of(event_type, made_in)
    assert json.dumps(json.loads(body), separators=(",", ":")).encode() == body


@every_type
def test_data_holds_a_fresh_uuid_and_the_team(event_type: str, made_in: str) -> None:
    first, second = (resource_of(event_type, made_in) for _ in range(2))
    assert first["id"] != second["id"]
    assert UUID(str(first["id"])).version == 4
    assert first["team_id"] == TEAM


@every_type
def test_something_happened_just_now(event_type: str, made_in: str) -> None:
    assert event_type.endswith(".deleted") or b'_at":"2025-12-10T14:30:00Z"' in dumps(data_of(event_type, made_in))


@every_type
def test_every_id_in_data_is_a_uuid(event_type: str, made_in: str) -> None:
    for resource in objects(data_of(event_type, made_in)):
        for key, value in resource.items():
            if re.search(r"(^|_)id$", key) and isinstance(value, str):
                assert str(UUID(value)) == value


@every_new_type
def test_the_id_of_a_resource_is_the_same_wherever_the_event_has_it(event_type: str) -> None:
    data = data_of(event_type, NEW)
    for resource in data.values():
        for name, other in data.items():
            if isinstance(resource, dict) and isinstance(other, dict) and f"{name}_id" in resource:
                assert resource[f"{name}_id"] == other["id"]


def test_the_same_reference_is_the_same_uuid_within_one_event() -> None:
    data = fixture("ticket.closed", TEAM, NOW_MS, counted())
    assert data["assignee_id"] == data["closed_by_id"]
    assert len({data["id"], data["customer_id"], data["assignee_id"]}) == 3


def test_a_reference_within_a_list_is_consistent_too() -> None:
    data = fixture("boss.defeated", TEAM, NOW_MS, counted())
    participants = data["participant_ids"]
    assert isinstance(participants, list)
    assert data["final_blow_player_id"] in participants


def test_times_are_relative_to_now() -> None:
    data = fixture("ticket.updated", TEAM, NOW_MS)
    assert (data["created_at"], data["updated_at"]) == ("2025-12-10T13:30:00Z", "2025-12-10T14:30:00Z")


def test_changing_one_event_s_data_leaves_the_next_alone() -> None:
    first = fixture("ticket.created", TEAM, NOW_MS)
    tags = first["tags"]
    assert isinstance(tags, list)
    tags.append("changed")
    assert fixture("ticket.created", TEAM, NOW_MS)["tags"] == ["login", "account"]


@pytest.mark.parametrize(
    ("event_type", "keys"),
    [
        ("ticket.created", {"title", "description", "status", "priority", "channel", "customer_id", "assignee_id"}),
        ("customer.created", {"name", "email"}),
        ("article.published", {"slug", "status", "published_at"}),
        ("boss.spawned", {"health", "level"}),
        ("player.level_up", {"xp", "level"}),
        ("survey.submitted", {"score", "comment"}),
    ],
)
def test_data_holds_what_its_resource_is_known_by(event_type: str, keys: set[str]) -> None:
    assert keys <= fixture(event_type, TEAM, NOW_MS).keys()


def test_a_type_outside_the_catalogue_has_no_fixture() -> None:
    with pytest.raises(UsageError, match="--data"):
        fixture("../../etc/passwd", TEAM, NOW_MS)


def test_random_uuids_are_version_4() -> None:
    assert UUID(random_uuid()).version == 4


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"$uid": "a"}, "There is no placeholder '$uid'. Did you mean '$uuid'?"),
        ([{"$nwo": 0}], "Did you mean '$now'?"),
        ({"$now": "1h"}, "'$now' must look like"),
        ({"$now": True}, "'$now' must look like"),
        ({"$team": False}, "'$team' must look like"),
    ],
)
def test_what_looks_like_a_placeholder_and_is_none_is_refused(written: Json, said: str) -> None:
    with pytest.raises(UsageError) as told:
        check_placeholders({"a": written})
    assert said in str(told.value)
    check_placeholders(as_written({"a": written}))


@every_type
def test_the_built_in_data_holds_no_misspelt_placeholder(event_type: str, made_in: str) -> None:
    check_placeholders(template(event_type, made_in))
