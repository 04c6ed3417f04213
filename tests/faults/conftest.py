"""How large a fault is made, its stage, and the counts that are printed at the end of the run."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..postgres import Postgres
from ..processes import Env
from .receiving import Crowd
from .stage import Stage

Sized = Callable[[int, int], int]
Count = Callable[..., None]
MakeStage = Callable[[str], Stage]


@pytest.fixture
def sized() -> Sized:
    """Choose between the whole size of a fault and the shorter cut of it."""
    full = os.environ.get("CSTAR_FAULTS") == "full"
    return lambda whole, short: whole if full else short


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Count:
    """Note what was counted: `count("lost", 0)`; the run prints it at its end."""
    return lambda what, number: record_property(what, number)


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A server of the test's own, which it may kill."""
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres_database(postgres: Postgres) -> str:
    return postgres.url(postgres.create_database())


@pytest.fixture
def sqlite_database(tmp_path: Path) -> str:
    return str(tmp_path / "stage.db")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    """A database of either kind."""
    return str(request.getfixturevalue(f"{request.param}_database"))


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    with contextlib.closing(Crowd()) as crowd:
        yield crowd


@pytest.fixture
def stage(home: Env, tmp_path: Path) -> Iterator[MakeStage]:
    """Set a stage on a database, which is a file or a URL."""
    with contextlib.ExitStack() as opened:
        yield lambda database: opened.enter_context(contextlib.closing(Stage(home, tmp_path, database)))
