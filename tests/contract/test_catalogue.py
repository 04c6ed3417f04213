import json

import pytest

from cstar_cli.events.catalogue import names, types
from cstar_cli.events.fixtures import fixture
from cstar_cli.events.wires import NAMES, folder
from tests.processes import RunCstar

from .project import EVENTS_PAGE, rows


def test_trigger_lists_the_catalogue(cstar: RunCstar) -> None:
    listed = [json.loads(line) for line in cstar("trigger", "--list", "--json").stdout.splitlines()]
    assert listed == [{"type": known.name, "group": known.group, "meaning": known.meaning} for known in types()]


def test_the_table_for_people_names_every_type(cstar: RunCstar) -> None:
    shown = cstar("trigger", "--list").stdout
    assert [name for name in names() if name not in shown] == []


@pytest.mark.parametrize("wire", NAMES)
def test_every_type_has_a_fixture_and_every_fixture_a_type(wire: str) -> None:
    assert sorted(path.name for path in (folder(wire) / "fixtures").iterdir()) == sorted(
        f"{name}.json" for name in names(wire)
    )


def test_the_page_of_events_agrees_with_catalogue_and_fixtures() -> None:
    told = {row[0].strip("`"): (row[1], row[2].replace("`", "").split(", ")) for row in rows(EVENTS_PAGE, "type")}
    assert told == {known.name: (known.meaning, list(fixture(known.name, "team", 0))) for known in types()}


def test_the_page_of_events_agrees_with_2026_03_too() -> None:
    found = rows(EVENTS_PAGE, "type of 2026-03")
    told = {row[0].strip("`"): (row[1], row[2].replace("`", "").split(", ")) for row in found}
    assert told == {
        known.name: (known.meaning, list(fixture(known.name, "team", 0, wire="2026-03"))) for known in types("2026-03")
    }
