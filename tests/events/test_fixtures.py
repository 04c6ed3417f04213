import itertools
import json
import re
from collections.abc import Callable
from uuid import UUID

import pytest

from cstar_cli.errors import UsageError
from cstar_cli.events.canonical import Json, canonical
from cstar_cli.events.catalogue import names
from cstar_cli.events.envelope import build_event
from cstar_cli.events.fixtures import as_written, check_placeholders, fixture, random_uuid, template
from cstar_cli.events.wires import DEFAULT, folder

TEAM = "0b6f8a52-6f0e-4d0c-9b54-1f4f5d1f3f10"
NOW_MS = 1_765_377_000_000

every_type = pytest.mark.parametrize("event_type", names())


def counted() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"00000000-0000-4000-8000-{next(numbers):012d}"


def body_of(event_type: str) -> bytes:
    return build_event(event_type, fixture(event_type, TEAM, NOW_MS), TEAM, NOW_MS).body


@every_type
def test_a_fixture_file_is_plain_ascii(event_type: str) -> None:
    assert (folder(DEFAULT) / "fixtures" / f"{event_type}.json").read_bytes().isascii()


@every_type
def test_data_is_flat(event_type: str) -> None:
    def scalar(value: Json) -> bool:
        return not isinstance(value, list | dict)

    for value in fixture(event_type, TEAM, NOW_MS).values():
        assert all(map(scalar, value)) if isinstance(value, list) else scalar(value)


@every_type
def test_every_placeholder_is_filled(event_type: str) -> None:
    assert b"$" not in body_of(event_type)


@every_type
def test_javascript_gives_the_same_bytes(event_type: str) -> None:
    body = body_of(event_type)
    assert canonical(body) == body


@every_type
def test_the_documented_python_receiver_gives_the_same_bytes(event_type: str) -> None:
    body = body_of(event_type)
    assert json.dumps(json.loads(body), separators=(",", ":")).encode() == body


@every_type
def test_data_holds_a_fresh_uuid_and_the_team(event_type: str) -> None:
    first, second = (fixture(event_type, TEAM, NOW_MS) for _ in range(2))
    assert first["id"] != second["id"]
    assert UUID(str(first["id"])).version == 4
    assert first["team_id"] == TEAM


@every_type
def test_something_happened_just_now(event_type: str) -> None:
    assert "2025-12-10T14:30:00Z" in fixture(event_type, TEAM, NOW_MS).values()


@every_type
def test_every_id_in_data_is_a_uuid(event_type: str) -> None:
    for key, value in fixture(event_type, TEAM, NOW_MS).items():
        if re.search(r"(^|_)id$", key) and value is not None:
            assert str(UUID(str(value))) == value


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


@pytest.mark.parametrize("event_type", names())
def test_the_built_in_data_holds_no_misspelt_placeholder(event_type: str) -> None:
    check_placeholders(template(event_type))
