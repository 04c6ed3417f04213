"""Start-up is what a user feels at every command: held by which modules are loaded, never by milliseconds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cstar_cli.commands.tree import PLACES
from tests.processes import Env, Running

HEAVY = {
    "asyncio",
    "asyncpg",
    "httpx",
    "msgspec",
    "rich",
    "sqlite3",
    "ssl",
    "starlette",
    "tomllib",
    "uvicorn",
    "uvloop",
    "websockets",
}
CSTAR = (sys.executable, "-X", "importtime", "-m", "cstar_cli")


def packages(importtime: str) -> set[str]:
    """Return the top-level packages in the report that `python -X importtime` writes to stderr."""
    return {name.split(".")[0] for name in re.findall(r"^import time:.*\|\s*([\w.]+)$", importtime, re.MULTILINE)}


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("listen", "--help"),
        ("listen", "--print-secret"),
        ("trigger", "--help"),
        ("logs", "tail", "--help"),
        ("webhooks", "create", "--help"),
        ("events", "list", "--help"),
        ("deliveries", "list", "--help"),
        ("cloud", "serve", "--help"),
        ("cloud", "keys", "create", "--help"),
        ("login", "--help"),
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_loaded_before_there_is_work(arguments: tuple[str, ...], home: Env, tmp_path: Path) -> None:
    done = subprocess.run(
        [*CSTAR, *arguments], env=dict(home), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == (0 if arguments else 2), done.stderr.splitlines()[-1]
    assert packages(done.stderr) >= {"cstar_cli", "typer"}
    assert packages(done.stderr) & HEAVY == set()


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("-h",)], ids=" ".join)
def test_what_is_the_same_every_time_is_said_before_typer_is_loaded(
    arguments: tuple[str, ...], home: Env, tmp_path: Path
) -> None:
    done = subprocess.run(
        [*CSTAR, *arguments], env=dict(home), cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout
    assert packages(done.stderr) & {"typer", "re", "enum", "pathlib", *HEAVY} == set()


LOADED = """
import atexit, sys
modules = sys.modules
atexit.register(lambda: print(*(name for name in modules if ".commands." in name), file=sys.stderr))
from cstar_cli.main import app
app()
"""


def test_only_the_command_that_is_named_is_loaded(home: Env, tmp_path: Path) -> None:
    asked = [sys.executable, "-c", LOADED, "whoami", "--help"]
    done = subprocess.run(asked, env=dict(home), cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = {name.rpartition(".")[2] for name in done.stderr.split()}
    assert loaded & {place.partition(".")[0] for place in PLACES.values()} == {"login"}


def test_listening_loads_neither_httpx_nor_rich(home: Env, tmp_path: Path) -> None:
    with Running([*CSTAR, "listen", "--json"], home, tmp_path) as session:
        assert '"ready"' in session.next_line()
        session.stop()
    assert packages(session.stderr) & {"httpx", "rich"} == set()
