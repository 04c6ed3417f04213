import asyncio
import logging

import pytest

from cstar_cli.cloud.working import Worker


class Desk:
    """Numbers to divide by."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.done: asyncio.Queue[float] = asyncio.Queue()
        self.worker = Worker("dividing", self._divide)

    def put(self, *numbers: int) -> None:
        self.numbers += numbers
        self.worker.begin()

    async def _divide(self) -> None:
        while self.numbers:
            self.done.put_nowait(1 / self.numbers.pop(0))


def test_what_comes_before_it_begins_or_after_it_has_ended_is_done_by_one_task() -> None:
    async def check() -> None:
        desk = Desk()
        desk.put(1)
        desk.put(2)
        assert len(asyncio.all_tasks()) == 2
        assert [await desk.done.get(), await desk.done.get()] == [1, 0.5]
        assert len(asyncio.all_tasks()) == 1
        desk.put(4)
        assert await desk.done.get() == 0.25

    asyncio.run(check())


def test_a_fault_is_one_line_in_the_log_and_the_rest_is_done(caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        desk = Desk()
        desk.put(0, 2)
        assert await desk.done.get() == 0.5
        desk.put(0)
        desk.put(4)
        assert await desk.done.get() == 0.25

    with caplog.at_level(logging.ERROR, "cstar.cloud"):
        asyncio.run(check())
    assert [record.getMessage() for record in caplog.records] == ["work failed", "work failed"]
