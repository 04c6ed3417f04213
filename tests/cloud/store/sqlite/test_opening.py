"""Taking the file: one process, a schema that we know, a place that we may write to."""

import asyncio
import os
import sqlite3
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cstar_cli.cloud.store.sqlite.driver import SqliteStore
from cstar_cli.cloud.store.sqlite.lock import DatabaseInUse, FileLock
from cstar_cli.errors import CstarError

from ..making import TEAM, Clock, event
from .processes import StartWriter

Opened = Callable[[Callable[[SqliteStore], Awaitable[None]]], None]


def open_and_close(path: Path) -> None:
    async def main() -> None:
        await SqliteStore.open(path, Clock()).close()

    asyncio.run(main())


def test_a_second_process_is_told_who_owns_the_database(writer: StartWriter, path: Path) -> None:
    holder = writer("hold")
    assert holder.line() == "held"
    with pytest.raises(DatabaseInUse, match=rf"{path} is in use by another process \(pid \d+\)"):
        open_and_close(path)


def test_the_database_is_free_once_its_owner_is_killed(writer: StartWriter, path: Path) -> None:
    holder = writer("hold")
    holder.line()
    holder.kill()
    holder.rest()
    open_and_close(path)


def test_the_database_is_free_once_it_is_closed(path: Path) -> None:
    open_and_close(path)
    open_and_close(path)


def test_a_second_store_in_the_same_process_is_refused_too(opened: Opened, path: Path) -> None:
    async def check(_: SqliteStore) -> None:
        with pytest.raises(DatabaseInUse, match=f"pid {os.getpid()}"):
            SqliteStore.open(path, Clock())

    opened(check)


def test_the_lock_names_the_holder_of_now(path: Path) -> None:
    lock_path = path.with_name("cstar.db.lock")
    lock_path.write_text("123456789012345678901234567890\n")
    lock = FileLock(lock_path)
    assert lock_path.read_text() == f"{os.getpid()}\n"
    lock.release()


def test_the_files_are_their_owners_alone(opened: Opened, path: Path) -> None:
    async def check(store: SqliteStore) -> None:
        await store.append_event(event())
        assert {name.name: stat.S_IMODE(name.stat().st_mode) for name in path.parent.iterdir()} == {
            "cstar.db": 0o600,
            "cstar.db-wal": 0o600,
            "cstar.db-shm": 0o600,
            "cstar.db.lock": 0o600,
        }

    before = os.umask(0)
    try:
        opened(check)
    finally:
        os.umask(before)


def test_a_newer_schema_is_refused_and_left_as_it_is(path: Path) -> None:
    open_and_close(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    with pytest.raises(CstarError, match="made by a newer cstar: upgrade this one"):
        open_and_close(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (9999,)
    connection.close()


def test_a_refused_database_is_let_go(path: Path) -> None:
    path.write_bytes(b"this is no database, but it is long enough to look like one" * 100)
    for _ in range(2):
        with pytest.raises(CstarError, match=f"Can't use the database {path}: file is not a database"):
            open_and_close(path)


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CstarError, match=rf"Can't write {tmp_path}/file: Not a directory\. .*or --database"):
        open_and_close(tmp_path / "file" / "cstar.db")


def test_a_database_that_is_a_folder_is_named(path: Path) -> None:
    path.mkdir()
    with pytest.raises(CstarError, match=f"Can't use the database {path}: .*or --database"):
        open_and_close(path)


def test_opening_again_applies_no_migration_twice(path: Path) -> None:
    async def main() -> None:
        made = event()
        for _ in range(3):
            store = SqliteStore.open(path, Clock())
            if await store.event(TEAM, made.id) is None:
                await store.append_event(made)
            assert await store.event(TEAM, made.id)
            await store.close()

    asyncio.run(main())


def test_a_reader_can_change_nothing(opened: Opened, path: Path) -> None:
    from cstar_cli.cloud.store.sqlite.connection import open_reader

    async def check(_: SqliteStore) -> None:
        reader = open_reader(path)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM events")
        reader.close()

    opened(check)
