"""A database of an earlier version goes on with what is in it."""

import asyncio
import shutil
import sqlite3
from importlib import resources
from pathlib import Path

import pytest

from cstar_cli.cloud.store.queries import AttemptQuery, DeliveryQuery, Page
from cstar_cli.cloud.store.sqlite import connection
from cstar_cli.cloud.store.sqlite.driver import SqliteStore
from cstar_cli.cloud.store.sqlite.lock import DatabaseInUse

from ..making import EVERYTHING, T0_MS, TEAM, URL, Clock, claimed_one, due_to, event, outcome, settled, webhook

NAMES = sorted(
    entry.name.removesuffix(".sql")
    for entry in (resources.files(connection.__package__) / "migrations").iterdir()
    if entry.name.endswith(".sql")
)
ROWS = f"""
INSERT INTO events VALUES (1, 'evt_1', '{TEAM}', 'ticket.created', {T0_MS}, x'7b7d');
INSERT INTO event_types VALUES ('{TEAM}', 'ticket.created');
INSERT INTO sessions VALUES ('ses_1', '{TEAM}', '*', '{URL}', 3, {T0_MS}, NULL);
INSERT INTO deliveries VALUES (1, 'dlv_1', '{TEAM}', 1, 'evt_1', 'ticket.created', 'ses_1', '{URL}', 'failed', 1,
    {T0_MS}, NULL);
INSERT INTO deliveries VALUES (2, 'dlv_2', '{TEAM}', 1, 'evt_1', 'ticket.created', 'ses_1', '{URL}', 'pending', 0,
    {T0_MS}, {T0_MS});
INSERT INTO attempts VALUES (1, '{TEAM}', 'dlv_1', 'evt_1', 'ticket.created', 'ses_1', '{URL}', 1, {T0_MS}, {T0_MS},
    4.2, 500, 'failed', NULL, NULL, '[["a","b"]]', '[]', x'6f6b');
"""


def make_first_version(path: Path) -> None:
    script = resources.files(connection.__package__) / "migrations" / "0001_main_job.sql"
    database = sqlite3.connect(path)
    database.executescript(script.read_text("utf-8"))
    database.executescript(ROWS)
    database.execute(f"PRAGMA application_id = {connection.APPLICATION_ID}")
    database.execute("PRAGMA user_version = 1")
    database.close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_first_version(path)
    folder = tmp_path / "newer" / "migrations"
    with resources.as_file(resources.files(connection.__package__) / "migrations") as migrations:
        shutil.copytree(migrations, folder)
    monkeypatch.setattr(connection, "__file__", str(folder.parent / "connection.py"))
    failing = folder / "9999_failing.sql"
    failing.write_text("CREATE TABLE half (it);\nSELECT it FROM nowhere;\n")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        connection.migrate(path)
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA user_version").fetchone() == (1,)
    assert database.execute("SELECT count(*) FROM sqlite_schema WHERE name IN ('half', 'webhooks')").fetchone() == (0,)
    database.close()
    failing.unlink()
    assert connection.migrate(path) == NAMES[1:]


def test_a_database_that_has_all_is_left_alone(path: Path) -> None:
    connection.migrate(path)
    before = path.read_bytes()
    _, applied = connection._open_migrated(path)
    assert applied == []
    assert path.read_bytes() == before
    assert path.with_name(f"{path.name}-wal").stat().st_size == 0


def test_a_database_of_the_first_version_is_carried_over_with_its_rows(path: Path) -> None:
    make_first_version(path)

    async def check() -> None:
        store = SqliteStore.open(path, Clock())
        try:
            assert [one.id for one in await store.deliveries(TEAM, DeliveryQuery(event_id="evt_1"), Page())] == [
                "dlv_2",
                "dlv_1",
            ]
            [exchange] = await store.exchanges_of("dlv_1")
            assert (exchange.attempt.status, exchange.request_headers) == (500, (("a", "b"),))
            assert (exchange.error_class, exchange.connect_ms, exchange.first_byte_ms) == (None, None, None)
            [attempt], _ = await store.attempts_after(TEAM, AttemptQuery(target="ses_1"), "0", 10)
            assert attempt.delivery_id == "dlv_1"
            resumed = await store.resume_session("ses_1", TEAM, EVERYTHING, URL)
            assert resumed
            assert resumed.epoch == 4
            [due] = await due_to(store, resumed, (), 10, 2**20)
            assert due.id == "dlv_2"
            assert list(await store.settle(resumed, [outcome("dlv_2")])) == ["dlv_2"]
        finally:
            await store.close()

    asyncio.run(check())


def test_a_database_of_the_first_version_gets_webhooks(path: Path) -> None:
    make_first_version(path)

    async def check() -> None:
        store = SqliteStore.open(path, Clock())
        try:
            to = await webhook(store)
            await store.append_event(event())
            claim = await claimed_one(store)
            assert claim.webhook_id == to.id
            assert await settled(store, claim) == [claim.delivery_id]
        finally:
            await store.close()

    asyncio.run(check())


def test_a_session_that_a_database_of_the_first_version_left_open_has_its_grace(path: Path) -> None:
    make_first_version(path)

    async def check() -> None:
        clock = Clock(T0_MS + 10**9)
        store = SqliteStore.open(path, clock)
        try:
            assert await store.end_lost_sessions(1000, "away") == 0
            await clock.advance(1000)
            assert await store.end_lost_sessions(1000, "away") == 1
        finally:
            await store.close()

    asyncio.run(check())


def test_what_was_under_way_in_the_second_version_is_due_at_once(path: Path) -> None:
    make_first_version(path)
    database = sqlite3.connect(path)
    script = resources.files(connection.__package__) / "migrations" / "0002_webhooks.sql"
    database.executescript(script.read_text("utf-8"))
    database.execute(
        "INSERT INTO webhooks (id, team_id, name, url, patterns, secret, is_active, created_at_ms, updated_at_ms)"
        f" VALUES ('whk_1', '{TEAM}', 'n', '{URL}', '', 's', 1, 0, 0)"
    )
    database.execute(
        "UPDATE deliveries SET target = 'whk_1', due_at_ms = ?, leased_until_ms = ?, lease = 7 WHERE id = 'dlv_2'",
        (T0_MS + 30_000, T0_MS + 30_000),
    )
    database.execute("PRAGMA user_version = 2")
    database.commit()
    database.close()

    async def check() -> None:
        store = SqliteStore.open(path, Clock())
        claim = await claimed_one(store)
        assert (claim.delivery_id, claim.attempt) == ("dlv_2", 1)
        assert claim.lease > 7
        await store.close()

    asyncio.run(check())


def test_migrating_names_what_was_missing_and_lets_the_file_go(path: Path) -> None:
    make_first_version(path)
    assert SqliteStore.migrate(path) == NAMES[1:]
    assert SqliteStore.migrate(path) == []
    assert SqliteStore.migrate(path.with_name("fresh.db")) == NAMES
    asyncio.run(open_and_close(path))


async def open_and_close(path: Path) -> None:
    await SqliteStore.open(path, Clock()).close()


def test_a_database_that_is_in_use_is_not_migrated(path: Path) -> None:
    async def check() -> None:
        store = SqliteStore.open(path, Clock())
        with pytest.raises(DatabaseInUse):
            SqliteStore.migrate(path)
        await store.close()

    asyncio.run(check())
