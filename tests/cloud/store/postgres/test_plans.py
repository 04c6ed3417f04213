"""However long the tables are, a question reads about as many rows as it answers."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest
from asyncpg.connection import LoggedQuery

from cstar_cli.cloud.store.postgres import interventions, log, meeting, opening, polling, reads, sessions
from cstar_cli.cloud.store.postgres.claiming import Turns, Wanted, claim
from cstar_cli.cloud.store.postgres.connection import PLANNED_ONCE, Connection, Connector, StoreConnection
from cstar_cli.cloud.store.postgres.cursor import Cursor
from cstar_cli.cloud.store.postgres.settling import Settling, settle
from cstar_cli.cloud.store.postgres.upkeep import cap_waits, forget
from cstar_cli.cloud.store.queries import AttemptQuery, DeliveryQuery, DueQuery, Page, StatusFilter
from cstar_cli.cloud.store.records import Report, Session
from cstar_cli.cloud.store.webhooks import Claim, Settlement
from cstar_cli.events.filters import EventFilter

from ..making import NEVER_MS, TEAM, outcome
from .conftest import Run
from .databases import fresh_database
from .nodes import database

ROWS = 20_000
WEBHOOKS = 100
MOST_READ = 1000
TABLES = ("event_types", "events", "sessions", "webhooks", "deliveries", "undelivered", "queue", "attempts")


def filling(rows: int) -> str:
    """Statements that fill the tables; one in a thousand of everything is rare: failed, of another type or target."""
    return f"""
INSERT INTO event_types VALUES ('{TEAM}', 'ticket.created'), ('{TEAM}', 'boss.spawned');
INSERT INTO events (id, team_id, type, created_at_ms, body)
SELECT 'evt_' || n, '{TEAM}', CASE WHEN n % 1000 = 0 THEN 'boss.spawned' ELSE 'ticket.created' END, n, ''
FROM generate_series(1, {rows}) n;
INSERT INTO sessions (id, team_id, patterns, forward_to, epoch, opened_at_ms) VALUES ('ses_1', '{TEAM}', '*', '', 1, 1);
INSERT INTO sessions (id, team_id, patterns, forward_to, epoch, opened_at_ms) VALUES ('ses_0', '{TEAM}', '*', '', 0, 1);
INSERT INTO sessions (id, team_id, patterns, forward_to, epoch, opened_at_ms, listener)
VALUES ('ses_2', '{TEAM}', '*', 'u', 1, {rows} + 1, 'me'), ('ses_3', '{TEAM}', '*', 'v', 1, {rows}, 'me');
INSERT INTO webhooks (id, team_id, name, url, patterns, secret, is_active, created_at_ms, updated_at_ms)
SELECT 'whk_' || n, '{TEAM}', '', 'http://w/', '*', '', TRUE, 1, 1 FROM generate_series(0, {WEBHOOKS - 1}) n;
INSERT INTO deliveries (
    id, team_id, event_seq, event_id, event_type, target, url, status, attempt_count, created_at_ms, next_attempt_at_ms
)
SELECT 'dlv_' || seq, team_id, seq, id, type, CASE WHEN seq % 1000 = 1 THEN 'ses_1' ELSE 'whk_' || seq % 100 END,
    CASE WHEN seq % 1000 = 1 THEN 'http://s/' ELSE 'http://w/' END,
    CASE WHEN seq % 1000 = 2 THEN 'failed' WHEN seq % 1000 = 1 THEN 'pending' ELSE 'succeeded' END, 1, seq, seq
FROM events;
INSERT INTO queue (seq, target, due_at_ms, size) SELECT seq, target, seq, 0 FROM deliveries WHERE target LIKE 'whk%';
INSERT INTO attempts (
    xid, team_id, delivery_id, event_seq, event_id, event_type, target, url, number, recorded_at_ms, started_at_ms,
    duration_ms, outcome, request_headers, response_headers, response_body
)
SELECT (3 + seq / 100)::text::xid8, team_id, id, event_seq, event_id, event_type, target, url, 1, 60000 * seq, 1, 1,
    CASE WHEN status = 'failed' THEN 'failed' ELSE 'succeeded' END, '[]', '[]', '' FROM deliveries;
INSERT INTO sessions (id, team_id, patterns, forward_to, epoch, opened_at_ms)
VALUES ('ses_busy', 'team-2', '*', '', 1, 1);
INSERT INTO deliveries (
    id, team_id, event_seq, event_id, event_type, target, url, status, attempt_count, created_at_ms, next_attempt_at_ms
)
SELECT 'dlv_busy_' || n, 'team-2', {rows}, 'evt_{rows}', 'ticket.created', 'ses_busy', 'http://s/', 'pending', n % 2, n,
    CASE WHEN n % 4 = 1 THEN n ELSE now_ms() + 10000000 + n END
FROM generate_series(1, {rows}) n;
INSERT INTO sessions (id, team_id, patterns, forward_to, epoch, opened_at_ms, away_since_ms, ended_at_ms)
VALUES ('ses_gone', 'team-2', '*', '', 1, 1, 2, 3);
INSERT INTO deliveries (
    id, team_id, event_seq, event_id, event_type, target, url, status, attempt_count, created_at_ms
)
SELECT 'dlv_gone_' || n, 'team-2', {rows}, 'evt_{rows}', 'ticket.created', 'ses_gone', 'http://s/', 'failed', 1, n
FROM generate_series(1, {rows} / 10) n;
INSERT INTO attempts (
    team_id, delivery_id, event_seq, event_id, event_type, target, url, number, recorded_at_ms, started_at_ms,
    duration_ms, outcome, error_class, request_headers, response_headers, response_body
)
SELECT team_id, id, event_seq, event_id, event_type, target, url, 1, 1, 1, 1, 'failed', 'stopped', '[]', '[]', ''
FROM deliveries WHERE target = 'ses_gone';
"""


RARE = EventFilter.parse(["boss.*"])
SESSION = Session("ses_1", TEAM, RARE, "", 1)
BUSY = Session("ses_busy", "team-2", RARE, "", 1)
LATEST = Session("ses_2", TEAM, EventFilter.parse(()), "u", 1, listener="me")
BEHIND = Session("ses_0", TEAM, EventFilter.parse(()), "", 0)
DELIVERIES = {
    "all": DeliveryQuery(),
    "rare type": DeliveryQuery(events=RARE),
    "pending": DeliveryQuery(status="pending"),
    "failed": DeliveryQuery(status="failed"),
    "canceled": DeliveryQuery(status="canceled"),
    "failed, of a type": DeliveryQuery(status="failed", events=RARE),
    "failed, to a webhook": DeliveryQuery(status="failed", target="whk_2"),
    "failed, of an event": DeliveryQuery(status="failed", event_id="evt_7"),
    "succeeded": DeliveryQuery(status="succeeded"),
    "to a session": DeliveryQuery(target="ses_1"),
    "to a URL": DeliveryQuery(target="http://s/"),
    "of an event": DeliveryQuery(event_id="evt_7"),
}
ATTEMPTS = {
    "all": AttemptQuery(),
    "rare type": AttemptQuery(events=RARE),
    "failed": AttemptQuery(status=StatusFilter.parse("failed")),
    "succeeded": AttemptQuery(status=StatusFilter.parse("succeeded")),
    "to a session": AttemptQuery(target="ses_1"),
    "to a URL": AttemptQuery(target="http://s/"),
    "of an event": AttemptQuery(event_id="evt_7"),
}
CURSOR = Cursor(3 + ROWS // 200, ROWS // 2)
UNKNOWN = Claim("dlv_0", 1, TEAM, "evt_0", "ticket.created", "whk_0", "http://w/", 1, 0, b"", ("",))
Question = Callable[[Connection], Awaitable[object]]


def of_deliveries(query: DeliveryQuery) -> Question:
    return lambda connection: reads.deliveries(connection, TEAM, query, Page())


def of_last_attempts(query: AttemptQuery) -> Question:
    return lambda connection: log.last_attempts(connection, TEAM, query, 10)


def of_tail(query: AttemptQuery) -> Question:
    return lambda connection: log.attempts_after(connection, TEAM, query, CURSOR, 10)


QUESTIONS: Mapping[str, Question] = {
    "events": lambda connection: reads.events(connection, TEAM, EventFilter.parse(()), Page()),
    "events: rare type": lambda connection: reads.events(connection, TEAM, RARE, Page()),
    **{f"deliveries: {name}": of_deliveries(query) for name, query in DELIVERIES.items()},
    **{f"last attempts: {name}": of_last_attempts(query) for name, query in ATTEMPTS.items()},
    **{f"tail: {name}": of_tail(query) for name, query in ATTEMPTS.items()},
    "moment": lambda connection: log.cursor_before(connection, TEAM, 60_000 * ROWS // 2),
    "hidden": lambda connection: log.has_hidden(connection, TEAM),
    "due": lambda connection: reads.due(connection, DueQuery(SESSION, ["dlv_1"], 10, 1000)),
    "backlog": lambda connection: reads.backlog(connection, "ses_1", ["dlv_1"]),
    "due with retries": lambda connection: reads.due(connection, DueQuery(BUSY, ["dlv_busy_1"], 10, 1000)),
    "poll": lambda connection: polling.stirred(connection, ["ses_1", "ses_busy"], "nod_1"),
    "report": lambda connection: sessions.settle(
        connection, [Report(BUSY, [outcome("dlv_busy_1", 500, attempt=2)], {"dlv_busy_1": (1000, 5000)})]
    ),
    "end of a session": lambda connection: sessions.end_session(connection, SESSION, "over"),
    "skip": lambda connection: sessions.skip_some(connection, BUSY, ["dlv_busy_2"], 10),
    "recover": lambda connection: interventions.recover_some(connection, "whk_2", (1, 0)),
    "missed": lambda connection: reads.missed_since(connection, "ses_gone", "team-2", 1000),
    "sessions": lambda connection: reads.sessions(connection, TEAM, None, Page()),
    "place before": lambda connection: opening.place_before(connection, TEAM, ROWS // 2, 2**62),
    "place before a place": lambda connection: opening.place_before(connection, TEAM, ROWS // 2, ROWS // 2),
    "catch up": lambda connection: opening.catch_up(connection, BEHIND, ROWS // 2, ROWS // 2, "nod_1"),
    "unheard": lambda connection: opening.unheard(connection, BEHIND, 10**12),
    "unheard by a route": lambda connection: opening.unheard(connection, LATEST, 10**12),
    "unheard in a small team": lambda connection: opening.unheard(connection, BUSY, 10**12),
    "arrive": lambda connection: meeting.arrive(connection, SESSION, 10**12),
    "claim": lambda connection: claim(connection, Wanted({}, 2, 50, 1000, 1000), Turns()),
    "cap waits": lambda connection: cap_waits(connection, 10**9, "2025-12"),
    "forget": lambda connection: forget(connection, ROWS, 20),
}


@pytest.fixture(scope="module")
def filled() -> str:
    url = fresh_database()

    async def fill() -> None:
        async with database(url) as connection:
            await connection.execute(filling(ROWS))
            await connection.execute("ANALYZE")

    asyncio.run(fill())
    return url


def most_rows_in(plan: Mapping[str, Any]) -> Iterator[float]:
    """How many rows each step has read, over all its turns."""
    read: float = sum(plan.get(count, 0) for count in ("Actual Rows", "Rows Removed by Filter"))
    yield read * plan.get("Actual Loops", 0)
    for part in plan.get("Plans", ()):
        yield from most_rows_in(part)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_reads_few_rows(filled: str, name: str) -> None:
    async def check() -> None:
        connection = await Connector(filled).connect()
        asked: list[LoggedQuery] = []
        try:
            transaction = connection.transaction()
            await transaction.start()
            with connection.query_logger(asked.append):
                await QUESTIONS[name](connection)
            await transaction.rollback()
            assert asked
            for query in asked:
                await assert_flat(connection, query)
        finally:
            connection.terminate()

    asyncio.run(check())


async def assert_flat(connection: Connection, query: LoggedQuery) -> None:
    transaction = connection.transaction()
    await transaction.start()
    explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.query}", *query.args)
    await transaction.rollback()
    [plan] = json.loads(explained)
    assert max(most_rows_in(plan["Plan"])) <= MOST_READ, (query.query, json.dumps(plan, indent=1))


MOVE_AND_DELETE = """
UPDATE webhooks SET url = 'http://moved/' WHERE id = 'whk_{}'; DELETE FROM webhooks WHERE id = 'whk_{}';
"""
ROWS_READ = "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"


def test_what_is_planned_once_is_planned_for_any_size(url: str, run: Run) -> None:
    async def check() -> None:
        connection = await Connector(url).connect(**PLANNED_ONCE)
        try:
            await connection.execute(filling(3) + MOVE_AND_DELETE.format(2, 3))
            await connection.execute("ANALYZE")
            assert await read_by_a_turn(connection)
            await connection.execute("".join(f"DELETE FROM {table};" for table in TABLES) + filling(ROWS))
            await connection.execute(MOVE_AND_DELETE.format(5, 7))
            assert 100 < await read_by_a_turn(connection) <= 2 * MOST_READ
            await connection.execute("ANALYZE")
            assert 100 < await read_by_a_turn(connection) <= 2 * MOST_READ
        finally:
            connection.terminate()

    run(check)


async def read_by_a_turn(connection: StoreConnection) -> int:
    """Claim, settle (what succeeded, what didn't, what is known), change nothing; return how many rows that read."""
    transaction = connection.transaction()
    await transaction.start()
    before = await connection.fetchval(ROWS_READ)
    claims = (await claim(connection, Wanted({}, 2, 50, 2**20, 1000), Turns())).result.claims
    settlements = [
        Settlement(outcome(one.delivery_id, 500 if place % 2 else 200, attempt=one.attempt), one.lease, 1000)
        for place, one in enumerate(claims or [UNKNOWN])
    ]
    for _ in range(2):
        await settle(connection, [Settling(settlements, NEVER_MS)])
    read = int(await connection.fetchval(ROWS_READ) - before)
    await transaction.rollback()
    return read
