"""docs/routes.md tells of the routes that the program knows."""

import tomllib

from cstar_cli.positions import TomlFile
from cstar_cli.tunnel.routes import KEYS, parse

from .project import PAGES, blocks, rows

PAGE = PAGES["docs/routes.md"]


def test_its_table_has_every_key_and_no_other() -> None:
    assert [row[0].strip("`") for row in rows(PAGE, "key")] == [*KEYS]


def test_its_example_is_right_and_decides_as_it_tells() -> None:
    [text] = blocks(PAGE, "toml")
    routes = parse(tomllib.loads(text)["routes"], TomlFile("cstar.toml", text))
    assert [route.name for route in routes] == ["billing", ":3000"]
    assert [route.filter.deciding("customer.updated") for route in routes] == ["customer.*", "!*.updated"]
