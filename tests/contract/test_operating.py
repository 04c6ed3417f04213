"""The files of docs/operating go with the command as it is."""

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from ..processes import RunCstar

ROOT = Path(__file__).parents[2]
OPERATING = ROOT / "docs" / "operating"
CONTAINER = (OPERATING / "Containerfile").read_text()


def of_the_unit() -> Sequence[str]:
    unit = (OPERATING / "cstar-cloud.service").read_text()
    [command] = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    return shlex.split(command)[1:]


def of_the_container() -> Sequence[str]:
    [command] = re.findall(r"^ENTRYPOINT (.*)$", CONTAINER, re.MULTILINE)
    return [str(argument) for argument in json.loads(command)[1:]]


@pytest.mark.parametrize("arguments", [of_the_unit(), of_the_container()], ids=["unit", "container"])
def test_a_node_is_started_with_options_that_exist(cstar: RunCstar, arguments: Sequence[str]) -> None:
    assert arguments[:2] == ["cloud", "serve"]
    ran = cstar(*arguments, "--help")
    assert ran.returncode == 0, ran.stderr


def test_the_container_copies_what_exists() -> None:
    sources = [word for line in re.findall(r"^COPY (.*)$", CONTAINER, re.MULTILINE) for word in line.split()[:-1]]
    assert sources
    assert all((ROOT / source).exists() for source in sources)
