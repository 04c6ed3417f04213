"""A database's name says which store it is, and shows no password."""

import asyncio
import importlib.util
from pathlib import Path

import pytest

from cstar_cli.cloud.store.open import is_url, migrate, open_store, shown
from cstar_cli.errors import CstarError

from .making import Clock, event
from .postgres.databases import fresh_database


@pytest.mark.parametrize("url", ["postgresql://localhost/cstar", "postgres://localhost/cstar"])
def test_a_url_is_one_and_a_file_is_none(url: str, tmp_path: Path) -> None:
    assert is_url(url)
    assert not is_url(tmp_path / "cstar.db")
    assert not is_url("postgresql.db")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("postgresql://host/cstar", "postgresql://host/cstar"),
        ("postgresql://me@host:5432/cstar", "postgresql://me@host:5432/cstar"),
        ("postgresql://me:hunter2@host:5432/cstar", "postgresql://me@host:5432/cstar"),
        ("postgresql://me:hunter2@a:1,b:2/cstar", "postgresql://me@a:1,b:2/cstar"),
        ("postgresql://me@host/cstar?password=hunter2&sslmode=require", "postgresql://me@host/cstar"),
        ("postgresql://host/cstar?password=hunter2", "postgresql://host/cstar"),
        ("postgresql://me:hun/t@e?r#2@host/cstar", "postgresql://me@host/cstar"),
        ("postgres://me:hunter2@/cstar?host=/run/postgresql", "postgres://me@/cstar"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, text: str) -> None:
    assert shown(url) == text


def test_a_file_is_shown_as_it_is(tmp_path: Path) -> None:
    assert shown(tmp_path / "a@b:c") == str(tmp_path / "a@b:c")


def test_either_opens_a_store(tmp_path: Path, clock: Clock) -> None:
    async def check() -> None:
        for database in (tmp_path / "new" / "cstar.db", fresh_database()):
            store = await open_store(database, now_ms=clock)
            try:
                made = event()
                await store.append_event(made)
                assert await store.event(made.team_id, made.id)
            finally:
                await store.close()

    asyncio.run(check())


def test_migrations_are_named_once(tmp_path: Path) -> None:
    async def check() -> None:
        assert (await migrate(tmp_path / "new" / "cstar.db"))[0] == "0001_main_job"
        assert await migrate(tmp_path / "new" / "cstar.db") == []
        assert await migrate(fresh_database()) == []

    asyncio.run(check())


def test_without_asyncpg_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    async def check() -> None:
        with pytest.raises(CstarError, match=r"pip install 'cstar-cli\[postgres\]'"):
            await open_store("postgresql://localhost/cstar", now_ms=clock)

    asyncio.run(check())
