import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cstar_cli.events.catalogue import names
from tests.processes import Env, Running

from .project import ROOT

DEMO = ROOT / "docs" / "demo"


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def demo(home: Env, temporary: Path, tmp_path: Path) -> Iterator[Running]:
    env = {**home, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
    with Running([sys.executable, str(DEMO / "run.py")], env, tmp_path) as running:
        yield running


@pytest.fixture
def demo_without_node(home: Env, tmp_path: Path) -> Iterator[Running]:
    with Running([sys.executable, str(DEMO / "run.py")], {**home, "PATH": "/nowhere"}, tmp_path) as running:
        yield running


def shown(demo: Running) -> list[str]:
    assert demo.wait(60) == 0, demo.stderr
    return demo.rest()


def verified(lines: list[str]) -> list[str]:
    return [line.split()[0] for line in lines if line.split()[1:3] == ["200", "verified"]]


def test_every_type_arrives_verified_in_the_contracts_express_receiver_and_nothing_is_left(
    demo: Running, temporary: Path
) -> None:
    assert shutil.which("node"), "install Node: the contract's receiver must be run"
    lines = shown(demo)
    assert lines[0].startswith("receiver.js (Express)")
    assert verified(lines) == [*names()]
    assert not demo.has_left_children()
    assert [*temporary.iterdir()] == []


def test_without_node_the_receiver_is_the_one_in_python_and_says_so_within_80_columns(
    demo_without_node: Running,
) -> None:
    lines = shown(demo_without_node)
    assert "node is missing" in lines[0]
    assert verified(lines) == [*names()]
    assert max(map(len, lines)) <= 80


def test_interrupted_it_leaves_neither_processes_nor_files(demo: Running, temporary: Path) -> None:
    while "verified" not in demo.next_line():
        pass
    assert demo.stop() == 130
    assert not demo.has_left_children()
    assert [*temporary.iterdir()] == []
    assert "Traceback" not in demo.stderr
