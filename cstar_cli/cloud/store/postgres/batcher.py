"""Group commit: whatever has come in while a commit was under way shares the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.postgres.database import Database, Written

MOST_AT_ONCE = 500

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Job(Generic[Item, Result]):
    item: Item
    done: asyncio.Future[Result]


class Batcher(Generic[Item, Result]):
    """Makes changes of one kind, in the order they come, many a transaction.

    `change` makes several at once and answers each, in their order, with its result or the error that is its answer.
    """

    def __init__(
        self,
        database: Database,
        change: Callable[[Connection, Sequence[Item]], Awaitable[Written[Sequence[Result | Exception]]]],
    ) -> None:
        self._database = database
        self._change = change
        self._jobs: list[_Job[Item, Result]] = []
        self._came = asyncio.Event()
        self._closed = False

    async def run(self, item: Item) -> Result:
        """Return what the change of the item answers, once it is durable. Raises StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        job: _Job[Item, Result] = _Job(item, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self._came.set()
        return await job.done

    def close(self) -> None:
        """Take nothing more; `work` ends when all that has come in is done."""
        self._closed = True
        self._came.set()

    async def work(self) -> None:
        while self._jobs or not self._closed:
            await self._came.wait()
            batch, self._jobs = self._jobs[:MOST_AT_ONCE], self._jobs[MOST_AT_ONCE:]
            if not self._jobs and not self._closed:
                self._came.clear()
            if batch:
                await self._commit(batch)

    async def _commit(self, batch: Sequence[_Job[Item, Result]]) -> None:
        try:
            answers = await self._database.change(self._change, [job.item for job in batch])
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, StoreUnavailable):
                # One item spoiled the transaction for all: give each its own, so that each gets its own answer.
                for job in batch:
                    await self._commit([job])
                return
            answers = [error] * len(batch)
        for job, answer in zip(batch, answers, strict=True):
            if job.done.done():
                continue
            if isinstance(answer, Exception):
                job.done.set_exception(answer)
            else:
                job.done.set_result(answer)
