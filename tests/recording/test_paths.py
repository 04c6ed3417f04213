import pytest

from cstar_cli.errors import UsageError
from cstar_cli.events.canonical import Json
from cstar_cli.recording import paths

DATA: Json = {"a.b": 1, "items": [{"id": 1, "n": 2}, {"id": 3}], "c": {"d": "x", "*": "y"}}


def found(path: str) -> list[Json]:
    return [paths.value_at(place) for place in paths.places(DATA, paths.parse(path))]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (r"a\.b", [1]),
        ("items[0].id", [1]),
        ("items.1.id", [3]),
        ("items[*].id", [1, 3]),
        ("items[].id", [1, 3]),
        ("items.*.n", [2]),
        ("c.*", ["x", "y"]),
        (r"c.\*", ["y"]),
        ("items[7]", []),
        ("c[0]", []),
        ("c.d.e", []),
        ("nowhere", []),
    ],
)
def test_a_path_leads_to_all_that_it_stands_for(path: str, values: list[Json]) -> None:
    assert found(path) == values


@pytest.mark.parametrize("path", ["", ".", "a..b", "a.", "a[x]", "a[", "a\\"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="is not a path"):
        paths.parse(path)


def test_a_path_that_is_made_of_a_key_leads_there() -> None:
    for key in ("a.b", "x[0]", "*", "\\"):
        assert [paths.value_at(place) for place in paths.places({key: 1}, paths.parse(paths.key_path("", key)))] == [1]
