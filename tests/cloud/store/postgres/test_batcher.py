"""Group commit: whatever comes in while a commit is under way shares the next one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from cstar_cli.cloud.store.interface import Conflict, StoreUnavailable
from cstar_cli.cloud.store.postgres.batcher import Batcher
from cstar_cli.cloud.store.postgres.connection import Connection, Connector
from cstar_cli.cloud.store.postgres.database import Database, Written

from .conftest import Run

COUNT = 200


class Numbers:
    """A table of numbers, and the batches that came into it."""

    def __init__(self) -> None:
        self.batches: list[Sequence[int]] = []
        self.woken: list[str] = []

    async def insert(self, connection: Connection, numbers: Sequence[int]) -> Written[Sequence[int | Exception]]:
        """Insert them; an odd one out is refused, and one that is there already spoils the transaction."""
        self.batches.append(list(numbers))
        await connection.execute(
            "INSERT INTO numbers SELECT * FROM unnest($1::integer[])", [number for number in numbers if number >= 0]
        )
        return Written([number if number >= 0 else Conflict("negative") for number in numbers], topics=["numbers"])


@asynccontextmanager
async def batching(url: str, numbers: Numbers) -> "AsyncIterator[Batcher[int, int]]":
    database = Database(Connector(url), 2, numbers.woken.extend)
    await database.open()
    await database.ask(lambda connection: connection.execute("CREATE TABLE numbers (number integer UNIQUE)"))
    batcher: Batcher[int, int] = Batcher(database, numbers.insert)
    working = asyncio.create_task(batcher.work())
    try:
        yield batcher
    finally:
        batcher.close()
        await working
        await database.close()


def test_what_comes_in_together_shares_a_commit(url: str, run: Run) -> None:
    async def check() -> None:
        numbers = Numbers()
        async with batching(url, numbers) as batcher:
            assert await asyncio.gather(*map(batcher.run, range(COUNT))) == list(range(COUNT))
            assert [number for batch in numbers.batches for number in batch] == list(range(COUNT))
            assert len(numbers.batches) <= 2

    run(check)


def test_one_bad_change_does_not_hurt_its_neighbours(url: str, run: Run) -> None:
    async def check() -> None:
        numbers = Numbers()
        async with batching(url, numbers) as batcher:
            await batcher.run(2)
            answers = await asyncio.gather(*map(batcher.run, (1, 2, -3, 4)), return_exceptions=True)
            assert [answers[0], answers[3]] == [1, 4]
            assert isinstance(answers[2], Conflict)
            assert isinstance(answers[1], Exception)
            assert not isinstance(answers[1], StoreUnavailable)  # a fault of ours, which no waiting mends

    run(check)


def test_whom_it_concerns_is_woken_before_the_answer(url: str, run: Run) -> None:
    async def check() -> None:
        numbers = Numbers()
        async with batching(url, numbers) as batcher:
            await batcher.run(1)
            assert numbers.woken == ["numbers"]

    run(check)


def test_a_caller_that_has_gone_does_not_stop_the_others(url: str, run: Run) -> None:
    async def check() -> None:
        numbers = Numbers()
        async with batching(url, numbers) as batcher:
            gone = asyncio.ensure_future(batcher.run(1))
            await asyncio.sleep(0)
            gone.cancel()
            assert await batcher.run(2) == 2

    run(check)


def test_what_has_come_in_is_done_before_the_end_and_nothing_after(url: str, run: Run) -> None:
    async def check() -> None:
        numbers = Numbers()
        async with batching(url, numbers) as batcher:
            running = [asyncio.ensure_future(batcher.run(number)) for number in range(COUNT)]
            await asyncio.sleep(0)
        assert await asyncio.gather(*running) == list(range(COUNT))
        with pytest.raises(StoreUnavailable, match="closed"):
            await batcher.run(1)

    run(check)


def test_changes_that_are_in_each_others_way_are_made_again(url: str, run: Run) -> None:
    async def check() -> None:
        one, other = Database(Connector(url), 1, lambda _: None), Database(Connector(url), 1, lambda _: None)
        await one.open()
        await other.open()
        await one.ask(lambda c: c.execute("CREATE TABLE turns (id integer, count integer)"))
        await one.ask(lambda c: c.execute("INSERT INTO turns VALUES (1, 0), (2, 0)"))
        first_steps = asyncio.Barrier(2)
        waited: set[int] = set()

        async def count(connection: Connection, order: Sequence[int]) -> Written[None]:
            for id_ in order:
                await connection.execute("UPDATE turns SET count = count + 1 WHERE id = $1", id_)
                if id_ == order[0] and id_ not in waited:
                    waited.add(id_)
                    await first_steps.wait()
            return Written(None)

        await asyncio.gather(one.change(count, (1, 2)), other.change(count, (2, 1)))
        assert await one.ask(lambda c: c.fetchval("SELECT sum(count) FROM turns")) == 4
        await one.close()
        await other.close()

    run(check)
