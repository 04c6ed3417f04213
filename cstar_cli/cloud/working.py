"""`Worker`: a task that is there while there is something to do."""

import asyncio
from collections.abc import Awaitable, Callable

from cstar_cli.cloud import logs


class Worker:
    """Does its work, in one task at a time, when it is told to begin.

    `work` takes what there is to do, and ends when nothing is left. A fault of ours in it is a line in the log, and it
    goes on with what it hasn't taken.
    """

    def __init__(self, doing: str, work: Callable[[], Awaitable[None]]) -> None:
        self._doing = doing
        self._work = work
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Do it soon, unless it is being done."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._to_its_end())

    async def _to_its_end(self) -> None:
        try:
            while True:
                try:
                    return await self._work()
                except Exception as error:
                    logs.error("work failed", doing=self._doing, error=repr(error))
        finally:
            self._task = None
