"""What a crowd asks at once shares its way to the database: counted in commits, statements and hand-overs."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cstar_cli.cloud.store.interface import SessionMoved, StoreUnavailable
from cstar_cli.cloud.store.queries import DueQuery
from cstar_cli.cloud.store.records import Report, Session
from cstar_cli.cloud.store.sqlite.connection import open_writer
from cstar_cli.cloud.store.sqlite.readers import MOST_TOGETHER, Readers
from cstar_cli.cloud.store.sqlite.reads import due
from cstar_cli.cloud.store.sqlite.sessions import open_session, resume_session, settle
from cstar_cli.cloud.store.sqlite.writes import append_events
from cstar_cli.events.filters import EventFilter
from tests.cloud.store.making import T0_MS, TEAM, URL, event, outcome


def test_events_that_come_together_share_their_look_ups(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "cstar.db")
    seen: Counter[str] = Counter()
    connection.set_trace_callback(lambda statement: seen.update([statement.split()[0]]))
    append_events(connection, [event() for _ in range(100)], T0_MS)
    assert seen["SELECT"] == 2  # the last number, who wants their type
    assert seen["INSERT"] == 101  # each event, and the type
    connection.close()


def test_an_event_under_the_id_of_another_teams_is_refused(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "cstar.db")
    theirs = event(team_id="team-2")
    append_events(connection, [theirs], T0_MS)
    with pytest.raises(sqlite3.IntegrityError, match=theirs.id):
        append_events(connection, [event(), replace(theirs, team_id=TEAM)], T0_MS)
    connection.close()


def test_an_event_that_many_sessions_want_is_in_memory_once(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "cstar.db")
    sessions = [Session(f"ses_{number}", TEAM, EventFilter(), URL, 1) for number in range(3)]
    for each in sessions:
        open_session(connection, each, T0_MS)
    append_events(connection, [event(body=b"x" * 1000)], T0_MS)
    answers = due(connection, [DueQuery(each, (), 10, 10_000) for each in sessions], T0_MS)
    found = [answer.deliveries for answer in answers if not isinstance(answer, SessionMoved)]
    bodies = [delivery.body for deliveries in found for delivery in deliveries]
    assert len(bodies) == 3
    assert all(body is bodies[0] for body in bodies)
    connection.close()


def test_reports_of_many_sessions_share_their_statements(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "cstar.db")
    listening = [Session(f"ses_{number}", TEAM, EventFilter(), URL, 1) for number in range(64)]
    for each in listening:
        open_session(connection, each, T0_MS)
    [deliveries] = append_events(connection, [event()], T0_MS).result
    of_session = {delivery.target: delivery for delivery in deliveries}
    reports = [Report(each, [outcome(of_session[each.id])]) for each in listening]
    seen: Counter[str] = Counter()
    connection.set_trace_callback(lambda statement: seen.update([statement.split()[0]]))
    answers = settle(connection, reports, T0_MS)
    assert [answer.result for answer in answers] == [{of_session[each.id].id: None} for each in listening]
    assert (seen["SELECT"], seen["INSERT"]) == (2, 1)  # which are open, the time of the last attempt; the attempts
    connection.close()


def test_a_report_of_an_older_connection_counts_among_others_neither(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "cstar.db")
    stale, current = (Session(f"ses_{number}", TEAM, EventFilter(), URL, 1) for number in range(2))
    for each in (stale, current):
        open_session(connection, each, T0_MS)
    [deliveries] = append_events(connection, [event()], T0_MS).result
    resume_session(connection, stale)
    of_session = {delivery.target: delivery for delivery in deliveries}
    reports = [Report(each, [outcome(of_session[each.id])]) for each in (stale, current, current)]
    settled = [answer.result for answer in settle(connection, reports, T0_MS)]
    assert settled == [{}, {of_session[current.id].id: None}, {of_session[current.id].id: None}]
    assert connection.execute("SELECT count(*) FROM attempts").fetchone() == (1,)
    connection.close()


def test_questions_of_one_turn_find_the_same_state(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "cstar.db")

    def events(connection: sqlite3.Connection) -> int:
        [found] = connection.execute("SELECT count(*) FROM events").fetchone()
        append_events(writer, [event()], T0_MS)
        return int(found)

    async def main() -> None:
        readers = Readers(tmp_path / "cstar.db", 1, "readers")
        assert await asyncio.gather(*(readers.ask_together(events) for _ in range(3))) == [0, 0, 0]
        assert await readers.ask_together(events) == 3
        await readers.close()

    asyncio.run(main())
    writer.close()


def test_a_question_whose_fault_ended_the_transaction_keeps_no_other_from_its_answer(tmp_path: Path) -> None:
    open_writer(tmp_path / "cstar.db").close()

    def spoiling(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")

    async def main() -> None:
        readers = Readers(tmp_path / "cstar.db", 1, "readers")
        spoiled, answered = await asyncio.gather(
            readers.ask_together(spoiling), readers.ask_together(answer, 1), return_exceptions=True
        )
        assert isinstance(spoiled, StoreUnavailable)
        assert answered == 2
        await readers.close()

    asyncio.run(main())


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts what is handed to threads."""

    hand_overs = 0

    def run_in_executor(  # type: ignore[override]  # its types are too narrow to name
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        self.hand_overs += 1
        return super().run_in_executor(executor, func, *args)


def answer(_: sqlite3.Connection, number: int) -> int:
    if number == 3:
        raise SessionMoved("elsewhere")
    if number == 4:
        raise sqlite3.OperationalError("disk I/O error")
    return 2 * number


def test_questions_of_one_turn_go_to_a_thread_together_and_are_answered_each(tmp_path: Path) -> None:
    open_writer(tmp_path / "cstar.db").close()

    async def main() -> None:
        readers = Readers(tmp_path / "cstar.db", 1, "readers")
        asked = [readers.ask_together(answer, number) for number in range(2 * MOST_TOGETHER)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, CountingLoop)
        assert loop.hand_overs == 2
        assert isinstance(answers[3], SessionMoved)
        assert isinstance(answers[4], StoreUnavailable)
        assert answers[5:] == [2 * number for number in range(5, 2 * MOST_TOGETHER)]
        await readers.close()
        with pytest.raises(StoreUnavailable):
            await readers.ask_together(answer, 1)

    with asyncio.Runner(loop_factory=CountingLoop) as runner:
        runner.run(main())
