"""A fault in a TOML file is told with the line and the column where it stands."""

import tomllib

import pytest

from cstar_cli.positions import Path, TomlFile, no_toml

TEXT = '''\
# first
api_base = "http://127.0.0.1:1"

[listen]
  timeout = 5
notes = """
[[routes]]
timeout = 1
"""

[[routes]]
events = [
  "ticket.*",   # all of them
  "boss.*",
]
headers = { "X-Stage" = 1, B = "2" }

[[routes]]   # the second
forward_to="3000"

[routes.headers]
"X-Team" = "a = b"

[a.b.c]
d.e = 1
'''


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("api_base",), 2, 1),
        (("listen",), 4, 1),
        (("listen", "timeout"), 5, 3),
        (("listen", "notes"), 6, 1),
        (("routes", 0), 11, 1),
        (("routes", 0, "events"), 12, 1),
        (("routes", 0, "headers"), 16, 1),
        (("routes", 0, "headers", "X-Stage"), 16, 14),
        (("routes", 0, "headers", "B"), 16, 28),
        (("routes", 1), 18, 1),
        (("routes", 1, "forward_to"), 19, 1),
        (("routes", 1, "headers"), 21, 1),
        (("routes", 1, "headers", "X-Team"), 22, 2),
        (("a", "b", "c", "d", "e"), 25, 3),
    ],
)
def test_a_key_is_found_where_it_is_written(path: Path, line: int, column: int) -> None:
    assert str(TomlFile("cstar.toml", TEXT).fault(path, "no")) == f"cstar.toml:{line}:{column}: no"


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("listen", "timeout"), 5, 13),
        (("routes", 0, "events"), 12, 10),
        (("routes", 0, "headers", "X-Stage"), 16, 25),
        (("routes", 1, "forward_to"), 19, 12),
        (("routes", 1, "headers", "X-Team"), 22, 12),
        (("a", "b", "c", "d", "e"), 25, 7),
    ],
)
def test_a_value_is_found_behind_its_key(path: Path, line: int, column: int) -> None:
    assert str(TomlFile("cstar.toml", TEXT).fault_of_value(path, "no")) == f"cstar.toml:{line}:{column}: no"


def test_what_a_statement_of_many_lines_holds_is_no_statement() -> None:
    assert not TomlFile("cstar.toml", TEXT).has(("routes", 2))


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_tables_within_a_list_are_counted(ending: str) -> None:
    text = ending.join(["a = 1", 'routes = [{ name = "a" },', '  { nmae = "b" }]', ""])
    assert str(TomlFile("f", text).fault(("routes", 1, "nmae"), "no")) == "f:3:5: no"


def test_what_the_file_lacks_is_told_of_the_file() -> None:
    assert str(TomlFile("f", TEXT).fault(("nothing",), "no")) == "f: no"


@pytest.mark.parametrize(("text", "place"), [("a = 1\nb == 2\n", "f:2:4"), ("a = 1\nb = [1,\n", "f:2:8")])
def test_what_is_no_toml_is_told_in_the_same_form(text: str, place: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as told:
        tomllib.loads(text)
    said = str(no_toml("f", text, told.value))
    assert said.startswith(f"{place}: ")
    assert "(at" not in said
