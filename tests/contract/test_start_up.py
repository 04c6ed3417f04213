"""Start-up is what a user feels at every command: held by which modules are loaded, never by milliseconds."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cstar_cli.__main__ import UNUSED, UNUSED_OF_MSGSPEC
from cstar_cli.commands.remembered import remember
from cstar_cli.commands.tree import PLACES
from cstar_cli.config import Home
from cstar_cli.quick import DECLARING
from tests.processes import Env, Running

HEAVY = {
    "asyncio",
    "asyncpg",
    "httpx",
    "rich",
    "sqlite3",
    "ssl",
    "starlette",
    "tomllib",
    "uvicorn",
    "uvloop",
    "websockets",
}
SLOW = {
    "asyncio",
    "email",
    "hashlib",
    "http",
    "httpx",
    "json",
    "logging",
    "random",
    "rich",
    "secrets",
    "ssl",
    "stringprep",
}
BUILT_IN = set(sys.builtin_module_names)
PYTHON = (sys.executable, "-X", "importtime", "-c")
CSTAR = (*PYTHON, "from cstar_cli.__main__ import main; main()")  # as the installed program does


def packages(importtime: str) -> set[str]:
    """Return the top-level packages in the report that `python -X importtime` writes to stderr."""
    return {name.split(".")[0] for name in re.findall(r"^import time:.*\|\s*([\w.]+)$", importtime, re.MULTILINE)}


HELPS = ["--help", "listen --help", "logs tail --help", "webhooks create --help", "cloud keys create --help"]


def loaded(arguments: str, home: Env, folder: Path) -> set[str]:
    """Return the packages that a run loads, which is to go well."""
    done = subprocess.run(
        [*CSTAR, *arguments.split()],
        env=dict(home),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr.splitlines()[-1]
    return packages(done.stderr)


@pytest.mark.parametrize("arguments", ["--version", *HELPS])
def test_what_takes_no_command_loads_nothing_but_its_answer(
    arguments: str, home: dict[str, str], tmp_path: Path
) -> None:
    del home["COLUMNS"]
    bare = subprocess.run([*PYTHON, "pass"], capture_output=True, text=True, check=True, timeout=30)
    assert loaded(arguments, home, tmp_path) - packages(bare.stderr) - BUILT_IN == {"cstar_cli"}


@pytest.mark.parametrize("arguments", ["listen --print-secret", *HELPS])
def test_nothing_heavy_is_loaded_before_there_is_work(arguments: str, home: Env, tmp_path: Path) -> None:
    assert loaded(arguments, home, tmp_path) & HEAVY == set()


@pytest.mark.parametrize("typed", ["cstar webhooks show ", "cstar trigger ", "cstar --profile ", "cstar listen -e "])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_asks_no_cloud_and_loads_nothing_heavy(shell: str, typed: str, home: Env, tmp_path: Path) -> None:
    words = typed.split(" ")
    asked = {
        "_CSTAR_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": typed,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }
    remember(Home(Path(home["CSTAR_HOME"])), "http://127.0.0.1:7827", "whk", [("whk_1", "one")])
    assert loaded("", {**home, **asked}, tmp_path) & (HEAVY | SLOW | {"socket", "typer"}) == {"typer"}


AT_THE_END = """
import atexit, gc, sys
atexit.register(lambda: print(len(gc.get_objects()) < gc.get_freeze_count(), file=sys.stderr))
from cstar_cli.__main__ import main
main()
"""


@pytest.mark.parametrize("arguments", ["--version", "completion bash", "trigger"])
def test_what_was_loaded_is_not_looked_through_at_the_end(arguments: str, home: Env, tmp_path: Path) -> None:
    asked = [sys.executable, "-c", AT_THE_END, *arguments.split()]
    done = subprocess.run(asked, env=dict(home), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "True"


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
    found = {name.rpartition(".")[2] for name in done.stderr.split()}
    assert found & {place.partition(".")[0] for place in PLACES.values()} == {"login"}


FOR_ROUTES = ("cstar_cli.commands.routing", "cstar_cli.commands.together", "cstar_cli.tunnel.routes", "tomllib")
FOR_AN_APPLICATION = ("commands.app", "commands.process", "commands.secret_file", "cstar_cli.envfile")


def test_listening_loads_neither_httpx_nor_rich_nor_what_routes_and_applications_need(
    home: Env, tmp_path: Path
) -> None:
    with Running([*CSTAR, "listen", "--json"], home, tmp_path) as session:
        assert '"ready"' in session.next_line()
        session.stop()
    assert packages(session.stderr) & {"httpx", "rich"} == set()
    assert [name for name in FOR_ROUTES if name in session.stderr] == []
    assert [name for name in FOR_AN_APPLICATION if name in session.stderr] == []


NOT_LOADED = """
import atexit, sys
from cstar_cli.__main__ import main
from cstar_cli.deferred import _Deferred
modules = sys.modules
atexit.register(lambda: print(*(name for name, it in modules.items() if isinstance(it, _Deferred)), file=sys.stderr))
main()
"""


def test_listening_to_a_cloud_uses_nothing_of_what_is_deferred(home: Env, tmp_path: Path) -> None:
    listen = [sys.executable, "-c", NOT_LOADED, "listen", "--json"]
    with Running(listen, home, tmp_path) as cloud:
        assert '"ready"' in cloud.next_line()
        with Running(listen, home, tmp_path) as session:
            assert '"ready"' in session.next_line()
            session.stop()
        cloud.stop()
    deferred = {*UNUSED, "platform", "inspect", *(f"msgspec.{name}" for name in UNUSED_OF_MSGSPEC), *DECLARING}
    used = {"subprocess"}  # by asyncio
    if sys.version_info[:2] == (3, 12):
        used.add("fnmatch")  # by pathlib
    assert set(session.stderr.splitlines()[-1].split()) == deferred - used


COLLECTIONS = """
import atexit, gc, sys
from cstar_cli.__main__ import main
collections = []
gc.callbacks.append(lambda *_: collections.append(1))
atexit.register(lambda: print(len(collections), file=sys.stderr))
main()
"""


def test_no_garbage_is_looked_for_while_a_command_is_loaded(home: Env, tmp_path: Path) -> None:
    asked = [sys.executable, "-c", COLLECTIONS, "trigger", "ticket.created"]
    done = subprocess.run(asked, env=dict(home), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "0"


UNUSED_BY_A_CLOUD = {
    *("click", "html", "http.client", "http.cookies", "logging.config", "multiprocessing", "uvicorn.main", "zipfile"),
}


def test_a_cloud_is_started_without_what_it_does_not_use_of_its_libraries(home: Env, tmp_path: Path) -> None:
    with Running([*CSTAR, "listen", "--json"], home, tmp_path) as session:
        assert '"ready"' in session.next_line()
        session.stop()
    assert "uvicorn.server" in session.stderr
    found = re.findall(r"^import time:.*\|\s*([\w.]+)$", session.stderr, re.MULTILINE)
    assert UNUSED_BY_A_CLOUD.intersection(found) == set()


LOADING_A_CLOUD = """
import gc, sys
from cstar_cli.commands.embedded import load_cloud
collections = []
gc.callbacks.append(lambda *_: collections.append(1))
gc.set_threshold(1_000)
load_cloud()
print(len(collections), gc.isenabled(), gc.get_freeze_count() > len(gc.get_objects()))
import cstar_cli.cloud.store.sqlite.driver
for name, module in sorted(sys.modules.items()):
    if name.startswith("cstar_cli.cloud"):
        ours = [each for each in vars(module).values() if str(getattr(each, "__module__", "")).startswith("cstar_cli.")]
        print(*(each for each in ours if hasattr(each, "__dataclass_fields__")), end="")
"""


def test_a_cloud_is_loaded_without_a_collection_and_makes_no_dataclass() -> None:
    asked = [sys.executable, "-c", LOADING_A_CLOUD]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert done.stdout == "0 True True\n"


FOR_EVENTS = ("cstar_cli.tunnel.forwarder", "cstar_cli.sender.client", "cstar_cli.render.jsonlines")


def test_the_cloud_is_called_before_what_events_need_is_loaded(home: Env, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as cloud:
        base = f"http://127.0.0.1:{cloud.getsockname()[1]}"
        with Running([*CSTAR, "listen", "--json", "--api-base", base], home, tmp_path) as session:
            connection, _ = cloud.accept()
            with connection:
                assert connection.recv(100).startswith(b"GET /api/v1/teams/")
                assert [name for name in FOR_EVENTS if name in session.stderr] == []


def test_triggering_loads_no_client_but_our_own(home: Env, tmp_path: Path) -> None:
    with Running([*CSTAR, "listen", "--json"], home, tmp_path) as session:
        assert '"ready"' in session.next_line()
        assert loaded("trigger ticket.created", home, tmp_path) & SLOW == set()
        session.stop()
