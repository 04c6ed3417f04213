"""What was acknowledged is there, whatever happens to the process or the disk."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cstar_cli.cloud.store.sqlite.connection import open_writer
from cstar_cli.cloud.store.sqlite.driver import SqliteStore
from cstar_cli.events.filters import EventFilter

from ..making import due_to, event
from .processes import StartWriter

Opened = Callable[[Callable[[SqliteStore], Awaitable[None]]], None]


def stored(path: Path) -> set[str]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT id FROM events").fetchall()
    connection.close()
    return {id for (id,) in rows}


@pytest.mark.parametrize("after_lines", [1, 150, 700])
def test_every_acknowledged_event_outlives_kill_9(
    writer: StartWriter, opened: Opened, path: Path, after_lines: int
) -> None:
    writing = writer("append")
    session_id = writing.line()
    acknowledged = [writing.line() for _ in range(after_lines)]
    writing.kill()
    acknowledged += writing.rest()
    assert len(acknowledged) >= after_lines

    async def check(store: SqliteStore) -> None:
        session = await store.resume_session(session_id, "team-1", EventFilter.parse(()), "http://localhost:3000/")
        assert session
        due = await due_to(store, session, (), limit=100_000, most_bytes=2**40)
        assert set(acknowledged) <= {delivery.event_id for delivery in due} == stored(path)

    opened(check)


def test_a_full_disk_is_an_error_and_never_a_false_success(writer: StartWriter, path: Path) -> None:
    lines = writer("fill").rest()
    full = next(index for index, line in enumerate(lines) if line.startswith("full: "))
    assert full > 5
    assert lines[full].startswith("full: The database can't be written: ")
    acknowledged = [line for line in lines if line.startswith("evt_")]
    assert stored(path) == set(acknowledged)


def test_a_full_disk_refuses_each_of_those_who_write_together(writer: StartWriter) -> None:
    assert "refused: 5" in writer("fill").rest()


def test_a_full_disk_can_still_be_read(writer: StartWriter) -> None:
    assert "read: evt_0" in writer("fill").rest()


def test_a_full_disk_is_noticed_by_a_ping(writer: StartWriter) -> None:
    assert any(line.startswith("not ready: The database can't be written: ") for line in writer("fill").rest())


def test_a_store_recovers_once_there_is_room_again(writer: StartWriter) -> None:
    assert writer("fill").rest()[-1] == "evt_after"


def test_each_commit_is_synced_to_the_disk(path: Path) -> None:
    """What kill -9 can't show and a power cut would: 2 is FULL (https://sqlite.org/pragma.html#pragma_synchronous)."""
    connection = open_writer(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    connection.close()


def test_another_connection_sees_what_was_answered(opened: Opened, path: Path) -> None:
    async def check(store: SqliteStore) -> None:
        made = event()
        await store.append_event(made)
        assert stored(path) == {made.id}

    opened(check)
