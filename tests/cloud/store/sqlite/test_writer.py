"""Group commit: whatever comes in while a commit is under way shares the next one."""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from cstar_cli.cloud.store.interface import Conflict, StoreUnavailable
from cstar_cli.cloud.store.sqlite.writer import Change, Writer, Written
from cstar_cli.cloud.store.wakeups import Wakeups

COUNT = 200


class Fixture:
    """A writer on a table of numbers, and the commits that it has made."""

    def __init__(self, path: Path) -> None:
        self.statements: list[str] = []
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("CREATE TABLE numbers (number INTEGER UNIQUE)")
        self.connection.set_trace_callback(self.statements.append)
        self.wakeups = Wakeups()
        self.writer = Writer(self.connection, self.wakeups)

    @property
    def commits(self) -> int:
        return self.statements.count("COMMIT")

    def numbers(self) -> list[int]:
        return [number for (number,) in self.connection.execute("SELECT number FROM numbers ORDER BY rowid")]


def insert(number: int) -> Change[int]:
    def change(connection: sqlite3.Connection) -> Written[int]:
        connection.execute("INSERT INTO numbers VALUES (?)", (number,))
        return Written(number, topics=["numbers"])

    return change


def insert_all(connection: sqlite3.Connection, numbers: Sequence[int]) -> Sequence[Written[tuple[int, int]]]:
    """Insert them, and answer each with itself and how many came together."""
    connection.executemany("INSERT INTO numbers VALUES (?)", [(number,) for number in numbers])
    return [Written((number, len(numbers))) for number in numbers]


def run(path: Path, body: Callable[[Fixture], Awaitable[None]]) -> None:
    async def main() -> None:
        fixture = Fixture(path)
        try:
            await body(fixture)
        finally:
            await fixture.writer.close()

    asyncio.run(main())


class Gate:
    """A change that holds the writer's thread until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, _: sqlite3.Connection) -> Written[None]:
        self.reached.set()
        self.open.wait()
        return Written(None)


def test_what_comes_in_together_shares_a_commit(path: Path) -> None:
    async def check(there: Fixture) -> None:
        gate = Gate()
        first = asyncio.ensure_future(there.writer.run(gate))
        await asyncio.to_thread(gate.reached.wait)
        others = [asyncio.ensure_future(there.writer.run(insert(number))) for number in range(COUNT)]
        await asyncio.sleep(0)
        gate.open.set()
        assert await asyncio.gather(*others) == list(range(COUNT))
        await first
        assert there.commits == 2
        assert there.numbers() == list(range(COUNT))

    run(path, check)


def test_one_bad_change_does_not_hurt_its_neighbours(path: Path) -> None:
    async def check(there: Fixture) -> None:
        gate = Gate()
        first = asyncio.ensure_future(there.writer.run(gate))
        await asyncio.to_thread(gate.reached.wait)
        others = [asyncio.ensure_future(there.writer.run(insert(number))) for number in (1, 2, 2, 3)]
        await asyncio.sleep(0)
        gate.open.set()
        answers = await asyncio.gather(*others, return_exceptions=True)
        await first
        assert [answers[0], answers[1], answers[3]] == [1, 2, 3]
        assert isinstance(answers[2], sqlite3.IntegrityError)
        assert there.numbers() == [1, 2, 3]

    run(path, check)


def test_a_fault_of_ours_is_raised_as_what_it_is(path: Path) -> None:
    def broken(_: sqlite3.Connection) -> Written[None]:
        raise ZeroDivisionError

    async def check(there: Fixture) -> None:
        with pytest.raises(ZeroDivisionError):
            await there.writer.run(broken)
        assert await there.writer.run(insert(1)) == 1

    run(path, check)


def test_a_conflict_is_one_changes_answer_and_the_others_share_their_commit(path: Path) -> None:
    def conflicting(_: sqlite3.Connection) -> Written[int]:
        raise Conflict("not now")

    async def check(there: Fixture) -> None:
        gate = Gate()
        first = asyncio.ensure_future(there.writer.run(gate))
        await asyncio.to_thread(gate.reached.wait)
        others = [asyncio.ensure_future(there.writer.run(change)) for change in (insert(1), conflicting, insert(2))]
        await asyncio.sleep(0)
        gate.open.set()
        answers = await asyncio.gather(*others, return_exceptions=True)
        await first
        assert [answers[0], answers[2]] == [1, 2]
        assert isinstance(answers[1], Conflict)
        assert there.numbers() == [1, 2]
        assert there.commits == 2

    run(path, check)


def test_half_a_change_is_none(path: Path) -> None:
    def half(connection: sqlite3.Connection) -> Written[None]:
        connection.execute("INSERT INTO numbers VALUES (1)")
        raise ZeroDivisionError

    async def check(there: Fixture) -> None:
        with pytest.raises(ZeroDivisionError):
            await there.writer.run(half)
        assert there.numbers() == []

    run(path, check)


def test_whom_it_concerns_is_woken_after_the_commit_and_before_the_answer(path: Path) -> None:
    async def check(there: Fixture) -> None:
        wake = there.wakeups.join("numbers")
        wake.clear()
        writing = asyncio.ensure_future(there.writer.run(insert(1)))
        await wake.wait()
        assert there.commits == 1
        assert await writing == 1

    run(path, check)


def test_a_wake_up_that_breaks_keeps_nobody_from_an_answer(path: Path) -> None:
    def broken() -> None:
        raise RuntimeError("the listener has failed")

    async def check(fixture: Fixture) -> None:
        faults: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
        fixture.wakeups.call("numbers", broken)
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*(fixture.writer.run(insert(number)) for number in range(10)))
        assert answers == list(range(10))
        assert faults

    run(path, check)


def test_changes_are_made_in_the_order_they_come(path: Path) -> None:
    async def check(there: Fixture) -> None:
        await asyncio.gather(*(there.writer.run(insert(number)) for number in range(COUNT)))
        assert there.numbers() == list(range(COUNT))

    run(path, check)


def test_a_caller_that_has_gone_does_not_stop_the_writer(path: Path) -> None:
    async def check(there: Fixture) -> None:
        gone = asyncio.ensure_future(there.writer.run(insert(1)))
        await asyncio.sleep(0)
        gone.cancel()
        assert await there.writer.run(insert(2)) == 2
        assert there.numbers() == [1, 2]

    run(path, check)


def test_after_the_end_nothing_is_taken(path: Path) -> None:
    async def main() -> None:
        fixture = Fixture(path)
        await fixture.writer.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            await fixture.writer.run(insert(1))

    asyncio.run(main())


def test_changes_of_a_kind_that_stand_side_by_side_are_made_as_one(path: Path) -> None:
    async def check(there: Fixture) -> None:
        gate = Gate()
        held = asyncio.ensure_future(there.writer.run(gate))
        await asyncio.to_thread(gate.reached.wait)
        together = [asyncio.ensure_future(there.writer.run_with_others(insert_all, number)) for number in (1, 2, 3)]
        between = asyncio.ensure_future(there.writer.run(insert(4)))
        later = asyncio.ensure_future(there.writer.run_with_others(insert_all, 5))
        await asyncio.sleep(0)
        gate.open.set()
        assert await asyncio.gather(*together, later) == [(1, 3), (2, 3), (3, 3), (5, 1)]
        assert await between == 4
        assert there.numbers() == [1, 2, 3, 4, 5]
        await held

    run(path, check)


def test_one_that_spoils_a_shared_change_fails_alone(path: Path) -> None:
    async def check(there: Fixture) -> None:
        gate = Gate()
        held = asyncio.ensure_future(there.writer.run(gate))
        await asyncio.to_thread(gate.reached.wait)
        waiting = [asyncio.ensure_future(there.writer.run_with_others(insert_all, number)) for number in (1, 1, 2)]
        await asyncio.sleep(0)
        gate.open.set()
        first, second, third = await asyncio.gather(*waiting, return_exceptions=True)
        assert (first, third) == ((1, 1), (2, 1))
        assert isinstance(second, sqlite3.IntegrityError)
        assert there.numbers() == [1, 2]
        await held

    run(path, check)
