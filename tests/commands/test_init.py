"""`cstar init`: a file to begin with, which is never taken from anyone."""

import re
import tomllib
from pathlib import Path

import pytest

from cstar_cli.commands.init import TEMPLATE
from cstar_cli.positions import TomlFile
from cstar_cli.tunnel.routes import KEYS, parse
from tests.processes import RunCstar


def test_what_it_writes_is_one_route_that_holds(cstar: RunCstar, tmp_path: Path) -> None:
    done = cstar("init")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Wrote {tmp_path / 'cstar.toml'}.\nNext:  cstar routes test ticket.created ")
    assert cstar("routes", "list").stdout == ":3000/webhook\t*\thttp://localhost:3000/webhook\tlisten's\n"


def test_where_to_may_be_said(cstar: RunCstar, tmp_path: Path) -> None:
    cstar("init", "-f", "http://localhost:4000/caf\u00e9?a=b")
    assert cstar("routes", "list").stdout.split("\t")[2] == "http://localhost:4000/caf%C3%A9?a=b"
    assert cstar("init", "-f", "ftp://x", "--force").returncode == 2


def test_its_examples_are_right_and_name_every_key() -> None:
    text = re.sub(r"^# (?=\[|[a-z_]+ = )", "", TEMPLATE.format(forward_to='"3000"'), flags=re.MULTILINE)
    document = tomllib.loads(text)
    routes = parse(document["routes"], TomlFile("cstar.toml", text))
    assert [route.name for route in routes] == [":3000", "billing"]
    assert {*KEYS} - {key for route in document["routes"] for key in route} == {"secret"}
    assert document["listen"] == {"timeout": 30}


@pytest.mark.parametrize("text", ["", "[listen]\ntimeout = 1\n", "no = = toml"])
def test_a_file_that_is_there_stays_unless_force_is_given(cstar: RunCstar, tmp_path: Path, text: str) -> None:
    file = tmp_path / "cstar.toml"
    file.write_text(text)
    done = cstar("init")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{file} exists: --force replaces it" in done.stderr
    assert file.read_text() == text
    assert cstar("init", "--force").returncode == 0
    assert "[[routes]]" in file.read_text()


def test_a_link_to_nowhere_is_not_followed(cstar: RunCstar, tmp_path: Path) -> None:
    (tmp_path / "cstar.toml").symlink_to(tmp_path / "elsewhere")
    assert cstar("init").returncode == 2
    assert not (tmp_path / "elsewhere").exists()
