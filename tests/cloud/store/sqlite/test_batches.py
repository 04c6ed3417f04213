"""What deliveries cost, counted without a clock: a claim writes nothing, and many are settled in few statements."""

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from cstar_cli.cloud.store.sqlite import settling, writes
from cstar_cli.cloud.store.sqlite.claiming import Turns, Wanted, claim
from cstar_cli.cloud.store.sqlite.connection import open_writer
from cstar_cli.cloud.store.sqlite.driver import SqliteStore
from cstar_cli.cloud.store.webhooks import Claim

from ..making import NEVER_MS, T0_MS, TEAM, claimed, delivered, event, settlement, webhook

MANY = 250
Opened = Callable[[Callable[[SqliteStore], Awaitable[None]]], None]


@pytest.fixture
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """Many events wait for one webhook."""
    connection = open_writer(path)
    connection.execute(
        "INSERT INTO webhooks (id, team_id, name, url, patterns, secret, is_active, created_at_ms, updated_at_ms)"
        f" VALUES ('whk_1', '{TEAM}', 'n', 'http://shop.test', '', 's', 1, 0, 0)"
    )
    for _ in range(MANY):
        writes.append_events(connection, [event()], T0_MS)
    yield connection
    connection.close()


def claim_all(connection: sqlite3.Connection) -> list[Claim]:
    return list(claim(connection, Wanted({}, MANY, MANY, 2**30, 30_000), Turns(), T0_MS).result.claims)


def test_a_claim_writes_nothing_to_the_file(opened: Opened, path: Path) -> None:
    async def check(store: SqliteStore) -> None:
        await webhook(store)
        for _ in range(3):
            await delivered(store)
        log = path.with_name(path.name + "-wal")
        before = log.read_bytes()
        assert len((await claimed(store)).claims) == 3
        assert log.read_bytes() == before

    opened(check)


def test_many_are_claimed_in_few_statements(database: sqlite3.Connection) -> None:
    statements: list[str] = []
    database.set_trace_callback(statements.append)
    claims = claim_all(database)
    database.set_trace_callback(None)
    assert len(claims) == MANY
    assert len(statements) <= 10


def test_many_are_settled_in_few_statements(database: sqlite3.Connection) -> None:
    settlements = [settlement(one) for one in claim_all(database)]
    statements: list[str] = []
    database.set_trace_callback(statements.append)
    settled = settling.settle(database, settlements, NEVER_MS, T0_MS).result
    database.set_trace_callback(None)
    assert len(settled) == MANY
    assert len(statements) <= MANY / 8


def test_an_attempt_is_in_no_index_whose_order_is_random(database: sqlite3.Connection) -> None:
    indexed = database.execute(
        "SELECT DISTINCT i.name FROM pragma_index_list('attempts') l, pragma_index_info(l.name) i"
    ).fetchall()
    assert {"delivery_seq", "event_seq"} < {name for (name,) in indexed}
    assert not {"delivery_id", "event_id"} & {name for (name,) in indexed}
