"""However much waits and however long the log is, no change walks it: the work is counted in SQLite's own steps."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cstar_cli.cloud.store.queries import EVERYTHING, AttemptQuery, DeliveryQuery, DueQuery, Page
from cstar_cli.cloud.store.records import AttemptOutcome, Report, Session
from cstar_cli.cloud.store.sqlite import interventions, log, reads, sessions, settling, upkeep, writes
from cstar_cli.cloud.store.sqlite.claiming import Turns, Wanted, claim
from cstar_cli.cloud.store.sqlite.connection import open_writer
from cstar_cli.cloud.store.webhooks import Settlement
from cstar_cli.events.filters import EventFilter

from ..making import T0_MS, TEAM, URL, event

WEBHOOKS = 50
FEW, MANY = 2, 400  # of each kind of delivery, to each webhook
COUNTED_IN_STEPS_OF = 10
DEAD = [f"whk_{number:03}" for number in range(WEBHOOKS)]
BUSY = dict.fromkeys(DEAD, 16)
HOUR_MS = 3_600_000
LISTENING = Session("ses_1", TEAM, EventFilter.parse(()), URL, epoch=1)
Change = Callable[[sqlite3.Connection], object]


def fill(connection: sqlite3.Connection, count: int) -> None:
    """Of each webhook, and of a session, so many deliveries are pending, have failed and have succeeded.

    As many wait for a retry at the session.
    """
    connection.execute("BEGIN")
    connection.execute("INSERT INTO event_types VALUES (?, 'ticket.created')", (TEAM,))
    connection.execute(
        "INSERT INTO sessions (id, team_id, patterns, forward_to, epoch, opened_at_ms)"
        f" VALUES ('ses_1', '{TEAM}', '*', '{URL}', 1, 0)"
    )
    connection.executemany(
        "INSERT INTO webhooks (id, team_id, name, url, patterns, secret, is_active, created_at_ms, updated_at_ms)"
        f" VALUES (?, '{TEAM}', 'n', '{URL}', 'boss.*', 's', 1, 0, 0)",
        [(webhook_id,) for webhook_id in DEAD],
    )
    for number in range(count):
        for status in ("pending", "failed", "succeeded"):
            append(connection, f"{number}_{status}", status)
        append(connection, f"{number}_tried", "pending")
    connection.execute(
        "UPDATE deliveries SET attempt_count = 1, next_attempt_at_ms = created_at_ms"
        " WHERE target = 'ses_1' AND event_id LIKE '%_tried'"
    )
    connection.execute("COMMIT")


def append(connection: sqlite3.Connection, name: str, status: str) -> None:
    seq = connection.execute(
        "INSERT INTO events (id, team_id, type, created_at_ms, body)"
        f" VALUES (?, '{TEAM}', 'ticket.created', {T0_MS}, x'7b7d')",
        (f"evt_{name}",),
    ).lastrowid
    connection.executemany(
        "INSERT INTO deliveries (id, team_id, event_seq, event_id, event_type, target, url, status, attempt_count,"
        f" created_at_ms, due_at_ms) VALUES (?, '{TEAM}', ?, ?, 'ticket.created', ?, '{URL}', ?, ?, {T0_MS}, ?)",
        [
            (f"dlv_{target}_{name}", seq, f"evt_{name}", target, status, int(status != "pending"))
            + (T0_MS if status == "pending" and target != "ses_1" else None,)
            for target in [*DEAD, "ses_1"]
        ],
    )
    if status != "pending":
        connection.execute(
            "INSERT INTO attempts (team_id, delivery_seq, delivery_id, event_seq, event_id, event_type, target, url,"
            " number, recorded_at_ms, started_at_ms, duration_ms, outcome, request_headers, response_headers,"
            " response_body) SELECT team_id, seq, id, event_seq, event_id, event_type, target, url, 1, created_at_ms,"
            " created_at_ms, 1, status, '[]', '[]', x'' FROM deliveries WHERE event_seq = ?",
            (seq,),
        )


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    """One with little in it, and one with much."""
    folder: Path = tmp_path_factory.mktemp("cost")
    connections = []
    for count in (FEW, MANY):
        connection = open_writer(folder / f"{count}.db")
        connection.execute("PRAGMA synchronous = OFF")
        fill(connection, count)
        connections.append(connection)
    yield connections[0], connections[1]
    for connection in connections:
        connection.close()


def steps(connection: sqlite3.Connection, change: Change) -> int:
    """How much SQLite does for a change, which is undone."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    connection.execute("BEGIN")
    connection.set_progress_handler(count, COUNTED_IN_STEPS_OF)
    try:
        change(connection)
    finally:
        connection.set_progress_handler(None, 0)
        connection.execute("ROLLBACK")
    return counted * COUNTED_IN_STEPS_OF


def claiming(busy: dict[str, int], limit: int) -> Change:
    return lambda connection: claim(connection, Wanted(busy, 16, limit, 2**20, 30_000), Turns(), T0_MS)


def settle(connection: sqlite3.Connection) -> None:
    claims = claim(connection, Wanted({}, 16, 10, 2**20, 30_000), Turns(), T0_MS).result.claims
    outcomes = [AttemptOutcome(one.delivery_id, 1, False, 500, None, T0_MS, 1.0) for one in claims]
    settlements = [Settlement(made, one.lease, 1000) for made, one in zip(outcomes, claims, strict=True)]
    settled = settling.settle(connection, settlements, HOUR_MS, T0_MS).result
    assert len(settled) == 10


CHANGES: dict[str, Change] = {
    "a claim while all are busy": claiming(BUSY, 100),
    "a claim of one": claiming({}, 1),
    "a claim of a hundred": claiming({}, 100),
    "a settlement": settle,
    "an event": lambda connection: writes.append_events(connection, [event()], T0_MS),
    "a resend": lambda connection: writes.resend(connection, TEAM, "evt_0_failed", DEAD[0], None, T0_MS),
    "a retry": lambda connection: interventions.retry(connection, TEAM, f"dlv_{DEAD[0]}_0_failed", T0_MS),
    "a cancel": lambda connection: interventions.cancel(connection, TEAM, f"dlv_{DEAD[0]}_0_pending", "no", T0_MS),
    "a recovery of nothing": lambda connection: interventions.recover_some(connection, DEAD[0], (T0_MS + 1, 0), T0_MS),
    "a session's report": lambda connection: sessions.settle(
        connection,
        [Report(LISTENING, [AttemptOutcome("dlv_ses_1_0_pending", 1, True, 200, None, T0_MS, 1.0)])],
        T0_MS,
    ),
    "a report of a failure that is retried": lambda connection: sessions.settle(
        connection,
        [
            Report(
                LISTENING,
                [AttemptOutcome("dlv_ses_1_0_tried", 2, False, 500, None, T0_MS, 1.0)],
                {"dlv_ses_1_0_tried": (1000, 5000)},
            )
        ],
        T0_MS,
    ),
    "a sweep": lambda connection: sessions.end_one_lost(connection, 1, "away", T0_MS),
    "a cap of nothing": lambda connection: upkeep.cap_some(connection, HOUR_MS, "2025-12", T0_MS),
    "a removal of nothing": lambda connection: upkeep.forget(connection, T0_MS, 100, T0_MS),
    "a removal": lambda connection: upkeep.forget(connection, T0_MS + 1, 1, T0_MS),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_costs_no_more_the_more_there_is(
    databases: tuple[sqlite3.Connection, sqlite3.Connection], change: Change
) -> None:
    little, much = (steps(connection, change) for connection in databases)
    assert much <= 1.2 * little + 200


def test_an_idle_claim_costs_little_for_each_webhook_that_waits(
    databases: tuple[sqlite3.Connection, sqlite3.Connection],
) -> None:
    assert steps(databases[1], claiming(BUSY, 100)) <= 120 * WEBHOOKS


FAILED = DeliveryQuery(status="failed")
PAGES: dict[str, Change] = {
    "events": lambda connection: reads.events(connection, TEAM, EVERYTHING, Page()),
    "deliveries": lambda connection: reads.deliveries(connection, TEAM, DeliveryQuery(), Page()),
    "deliveries that failed": lambda connection: reads.deliveries(
        connection, TEAM, DeliveryQuery(status="failed"), Page()
    ),
    "the end of the log": lambda connection: log.last_attempts(connection, TEAM, AttemptQuery(), 20),
    "what follows a cursor": lambda connection: log.attempts_after(connection, TEAM, AttemptQuery(), "7", 20),
    "what is due to a session": lambda connection: reads.due(
        connection, [DueQuery(LISTENING, ["dlv_ses_1_0_tried"], 1, 2**20)], T0_MS
    ),
    "what is due to one whose retries wait": lambda connection: reads.due(
        connection, [DueQuery(LISTENING, (), 1, 2**20)], T0_MS - 1
    ),
    "the exchanges of a delivery": lambda connection: log.exchanges_of(connection, f"dlv_{DEAD[0]}_0_failed"),
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_costs_no_more_the_longer_the_list_is(
    databases: tuple[sqlite3.Connection, sqlite3.Connection], page: Change
) -> None:
    little, much = (steps(connection, page) for connection in databases)
    assert much <= 1.2 * little + 200


def test_a_moment_of_the_log_costs_a_few_more_looks_in_a_long_one(
    databases: tuple[sqlite3.Connection, sqlite3.Connection],
) -> None:
    little, much = (
        steps(connection, lambda connection: log.cursor_before(connection, TEAM, T0_MS)) for connection in databases
    )
    assert much <= little + 20 * 30
