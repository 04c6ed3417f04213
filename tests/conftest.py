"""Fixtures that start real processes, each in a home of its own; whatever a test starts is ended after it."""

import contextlib
import gc
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import settings

from .processes import CSTAR, Env, Listening, RunCstar, Serving, StartListening, StartServing, free_port
from .receiver import Answer, Receiver, StartReceiver

settings.register_profile("no clock", deadline=None)  # an example's time says how busy the machine is, nothing else
settings.load_profile("no clock")

_FOREIGN = ("CSTAR_", "_CSTAR_", "_TYPER_", "COV_", "FORCE_COLOR", "NO_COLOR", "CLICOLOR")


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment with a home folder of its own and a free port for the cloud."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    own = {"HOME": str(tmp_path), "CSTAR_HOME": str(tmp_path / "cstar"), "COLUMNS": "80"}
    return {**kept, **own, "CSTAR_API_BASE": f"http://127.0.0.1:{free_port()}"}


@pytest.fixture
def cstar(home: Env, tmp_path: Path) -> RunCstar:
    def run(
        *arguments: str, env: Env | None = None, stdin: str | None = None, timeout_s: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*CSTAR, *arguments],
            env=dict(env or home),
            cwd=tmp_path,
            input=stdin or "",
            capture_output=True,
            encoding="utf-8",
            timeout=timeout_s,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def go_cache(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return where Go keeps what it has built, for all tests of a run: Go's own library takes it some seconds."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "go-cache"


@pytest.fixture
def listening(home: Env, tmp_path: Path) -> Iterator[StartListening]:
    with contextlib.ExitStack() as started:

        def start(*arguments: str, env: Env | None = None) -> Listening:
            return started.enter_context(Listening(arguments, env or home, tmp_path)).await_ready()

        yield start


@pytest.fixture
def serving(home: Env, tmp_path: Path) -> Iterator[StartServing]:
    with contextlib.ExitStack() as started:

        def start(*arguments: str, env: Env | None = None) -> Serving:
            own = env or home
            port = str(urlsplit(own["CSTAR_API_BASE"]).port)
            options = arguments if "--port" in arguments else ("--port", port, *arguments)
            return started.enter_context(Serving(options, own, tmp_path)).await_ready()

        yield start


@pytest.fixture
def receiver() -> Iterator[StartReceiver]:
    with contextlib.ExitStack() as started:

        def start(answer: Answer | None = None, *, port: int = 0, certificate: Path | None = None) -> Receiver:
            return started.enter_context(contextlib.closing(Receiver(answer or Answer(), port, certificate)))

        yield start


def pytest_collection_finish() -> None:
    """Leave what thousands of tests are made of out of each collection of garbage: many tests ask for one."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests of faults have counted, also those that ran in other processes."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    counted = [(report.nodeid, report.user_properties) for report in reports if report.user_properties]
    if counted:
        terminalreporter.section("faults")
    for nodeid, properties in sorted(counted):
        numbers = ", ".join(f"{what} {number}" for what, number in properties)
        terminalreporter.line(f"{nodeid.rpartition('::')[2]}: {numbers}")
