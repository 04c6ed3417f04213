import json
from pathlib import Path

import pytest

from cstar_cli.errors import CstarError, UsageError
from cstar_cli.events.canonical import Json
from cstar_cli.events.catalogue import names
from cstar_cli.events.envelope import build_event
from cstar_cli.events.fixtures import Filling, filled
from cstar_cli.events.library import Library, library, of_event

TEAM = "0b6f8a52-6f0e-4d0c-9b54-1f4f5d1f3f10"
NOW_MS = 1_765_377_000_000


@pytest.fixture
def shelves(tmp_path: Path) -> Library:
    return library({"project": tmp_path / "project", "yours": tmp_path / "yours"})


def put(tmp_path: Path, shelf: str, name: str, content: object) -> Path:
    path = tmp_path / shelf / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def ticket(title: str) -> dict[str, object]:
    return {"type": "ticket.created", "data": {"title": title}}


def test_the_projects_file_wins_over_the_users_which_wins_over_the_built_in(shelves: Library, tmp_path: Path) -> None:
    assert shelves.get("ticket.created").origin == "built-in"
    put(tmp_path, "yours", "ticket.created", ticket("mine"))
    assert shelves.get("ticket.created").data == {"title": "mine"}
    put(tmp_path, "project", "ticket.created", ticket("ours"))
    found = shelves.get("ticket.created")
    assert (found.origin, found.data) == ("project", {"title": "ours"})


def test_a_name_that_nothing_has_is_a_usage_error(shelves: Library) -> None:
    with pytest.raises(UsageError, match=r"no fixture 'vip'.*fixtures list"):
        shelves.get("vip")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "", ".hidden", "a" * 101, "Ärger"])
def test_no_name_leads_out_of_the_folder(shelves: Library, name: str) -> None:
    assert shelves.own(name) is None
    with pytest.raises(UsageError):
        shelves.shelves[0].path(name)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"type":"ticket.created"}',
        '{"type":"nodot","data":{}}',
        '{"type":"a.b","data":[]}',
        '{"type":"a.b","data":{},"x":1}',
        "\xff",
    ],
)
def test_a_file_that_holds_no_fixture_is_named_with_what_is_wrong(shelves: Library, tmp_path: Path, text: str) -> None:
    path = put(tmp_path, "yours", "bad", text)
    with pytest.raises(UsageError, match=str(path)):
        shelves.get("bad")
    faults = [each for each in shelves.all() if isinstance(each, CstarError)]
    assert len(faults) == 1


def test_a_file_that_is_too_large_for_any_event_is_refused(shelves: Library, tmp_path: Path) -> None:
    put(tmp_path, "yours", "big", ticket("x" * 1024 * 1024))
    with pytest.raises(UsageError, match="larger than any event"):
        shelves.get("big")


def test_all_names_are_listed_once_own_ones_first(shelves: Library, tmp_path: Path) -> None:
    put(tmp_path, "yours", "vip", ticket("x"))
    put(tmp_path, "project", "vip", ticket("x"))
    put(tmp_path, "project", "boss.defeated", ticket("x"))
    listed = [each.name for each in shelves.all() if not isinstance(each, CstarError)]
    assert listed[:2] == ["boss.defeated", "vip"]
    assert sorted(listed) == sorted({*names(), "vip"})


@pytest.mark.parametrize(
    "data",
    [
        {"title": "Zoë", "n": 1e21, "none": None},
        {"looks": {"$uuid": "like a placeholder"}, "and": [{"$now": 1}, {"$as_is": {"$team": True}}]},
        {"more": {"$uuid": "than one", "key": 1}},
    ],
)
def test_a_fixture_of_an_event_makes_its_data_again_to_the_letter(data: dict[str, Json]) -> None:
    event = build_event("ticket.created", data, TEAM, NOW_MS)
    fixture = of_event("again", event.body, "yours")
    assert filled(fixture.data, Filling(TEAM, NOW_MS)) == data
