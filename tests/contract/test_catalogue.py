import json

from cstar_cli.events.catalogue import CATALOGUE, names
from cstar_cli.events.fixtures import FOLDER, fixture
from tests.processes import RunCstar

from .project import EVENTS_PAGE, rows


def test_trigger_lists_the_catalogue(cstar: RunCstar) -> None:
    listed = [json.loads(line) for line in cstar("trigger", "--list", "--json").stdout.splitlines()]
    assert listed == [{"type": known.name, "group": known.group, "meaning": known.meaning} for known in CATALOGUE]


def test_the_table_for_people_names_every_type(cstar: RunCstar) -> None:
    shown = cstar("trigger", "--list").stdout
    assert [name for name in names() if name not in shown] == []


def test_every_type_has_a_fixture_and_every_fixture_a_type() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(names())


def test_the_page_of_events_agrees_with_catalogue_and_fixtures() -> None:
    told = {row[0].strip("`"): (row[1], row[2].replace("`", "").split(", ")) for row in rows(EVENTS_PAGE, "type")}
    assert told == {known.name: (known.meaning, list(fixture(known.name, "team", 0))) for known in CATALOGUE}
