"""However long the log is, a page of it is found by an index: nothing is walked whole, nothing sorted."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cstar_cli.cloud.store.queries import AttemptQuery, DeliveryQuery, DueQuery, Page, StatusFilter
from cstar_cli.cloud.store.records import Session
from cstar_cli.cloud.store.sqlite import log, meeting, opening, reads, sessions
from cstar_cli.cloud.store.sqlite.connection import open_writer
from cstar_cli.events.filters import EventFilter

RARE = EventFilter.parse(["boss.*"])
DELIVERIES = [
    DeliveryQuery(),
    DeliveryQuery(events=RARE),
    DeliveryQuery(status="failed"),
    DeliveryQuery(target="ses_1"),
    DeliveryQuery(status="canceled"),
    DeliveryQuery(target="whk_1"),
    DeliveryQuery(target="http://localhost:3000/"),
    DeliveryQuery(event_id="evt_1"),
]
ATTEMPTS = [
    AttemptQuery(),
    AttemptQuery(events=RARE),
    AttemptQuery(status=StatusFilter.parse("failed")),
    AttemptQuery(target="ses_1"),
    AttemptQuery(status=StatusFilter.parse("canceled")),
    AttemptQuery(target="whk_1"),
    AttemptQuery(target="http://localhost:3000/"),
    AttemptQuery(event_id="evt_1"),
]
LIGHT = ("CONSTANT", "json_each", "chosen")  # what SQLite scans that is no table of ours


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_writer(tmp_path / "cstar.db")
    connection.executemany("INSERT INTO event_types VALUES ('team', ?)", [("boss.spawned",), ("ticket.created",)])
    yield connection
    connection.close()


def asked(connection: sqlite3.Connection) -> list[str]:
    """Record each statement that is run from here on."""
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    return statements


def assert_flat(connection: sqlite3.Connection, statements: list[str]) -> None:
    connection.set_trace_callback(None)
    assert statements
    for statement in statements:
        plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
        heavy = [step for step in plan if step.startswith("SCAN ") and not any(light in step for light in LIGHT)]
        assert not heavy, (statement, plan)
        assert not any("TEMP B-TREE" in step for step in plan), (statement, plan)


@pytest.mark.parametrize("query", DELIVERIES)
def test_a_page_of_deliveries_is_found_by_an_index(database: sqlite3.Connection, query: DeliveryQuery) -> None:
    statements = asked(database)
    reads.deliveries(database, "team", query, Page())
    assert_flat(database, statements)


@pytest.mark.parametrize("query", ATTEMPTS)
def test_the_end_of_the_log_is_found_by_an_index(database: sqlite3.Connection, query: AttemptQuery) -> None:
    statements = asked(database)
    log.last_attempts(database, "team", query, 10)
    log.attempts_after(database, "team", query, "7", 10)
    assert_flat(database, statements)


@pytest.mark.parametrize("events", [EventFilter.parse(()), RARE])
def test_a_page_of_events_is_found_by_an_index(database: sqlite3.Connection, events: EventFilter) -> None:
    statements = asked(database)
    reads.events(database, "team", events, Page())
    assert_flat(database, statements)


def test_a_moment_of_the_log_is_found_by_an_index(database: sqlite3.Connection) -> None:
    statements = asked(database)
    log.cursor_before(database, "team", 5)
    assert_flat(database, statements)


def test_what_came_before_a_session_is_found_by_an_index(database: sqlite3.Connection) -> None:
    database.execute(
        "INSERT INTO sessions (id, team_id, patterns, forward_to, epoch, opened_at_ms)"
        " VALUES ('ses_1', 'team', '*', 'u', 0, 0)"
    )
    database.execute(
        "INSERT INTO events (id, team_id, type, created_at_ms, body) VALUES ('evt_1', 'team', 'boss.spawned', 5, x'')"
    )
    session = Session("ses_1", "team", EventFilter.parse(()), "u", 0)
    statements = asked(database)
    opening.place_before(database, "team", 5, 7)
    opening.catch_up(database, session, 5, 0, 9)
    opening.unheard(database, session, 1000)
    reads.sessions(database, "team", None, Page())
    meeting.arrive(database, session, 1000)
    sessions.skip_some(database, session, ["dlv_1"], 10, 9)
    database.set_trace_callback(None)
    assert_flat(database, [statement for statement in statements if not statement.startswith("INSERT")])


def test_what_is_due_to_a_session_is_found_by_an_index(database: sqlite3.Connection) -> None:
    database.execute(
        "INSERT INTO sessions (id, team_id, patterns, forward_to, epoch, opened_at_ms)"
        " VALUES ('ses_1', 'team', '*', 'u', 1, 0)"
    )
    session = Session("ses_1", "team", EventFilter.parse(()), "u", 1)
    statements = asked(database)
    reads.due(database, [DueQuery(session, ["dlv_1"], 10, 1000)], 5)
    other = Session("ses_2", "team", EventFilter.parse(()), "u", 1)
    reads.due(database, [DueQuery(each, (), 10, 1000) for each in (session, other)], 5)
    reads.still_pending(database, "ses_1", ["dlv_1"])
    reads.backlog(database, "ses_1", ["dlv_1"])
    reads.missed_since(database, "ses_1", "team", 1000)
    assert_flat(database, statements)
