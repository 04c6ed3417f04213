"""A post without a task: where its faults go."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import cast

import pytest

from cstar_cli.sender.connection import Connection, Ending
from cstar_cli.sender.outcome import Outcome
from cstar_cli.sender.posting import Begun, Post
from cstar_cli.sender.target import Target


class FakeConnection:
    """One whose receiver answers at once."""

    def __init__(self) -> None:
        self.is_cut = False

    def begin(self, request: bytes, deadline: float | None, on_end: Callable[[Ending], None]) -> None:
        on_end(Ending.COMPLETE)

    def abort(self) -> None:
        self.is_cut = True


def test_a_fault_at_its_end_is_that_of_a_task() -> None:
    def broken(connection: Connection, ending: Ending, post: Post) -> Outcome | None:
        raise ValueError("no such header")

    async def anew(post: Post) -> Outcome:
        raise AssertionError("it was answered")

    async def scenario() -> None:
        spawned: list[asyncio.Task[None]] = []

        def spawn(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
            spawned.append(asyncio.get_running_loop().create_task(work))
            return spawned[-1]

        told: list[Outcome] = []
        connection = FakeConnection()
        post = Post(Target.parse("http://a.test/"), b"", 0.0, None, None)
        Begun(post, broken, anew, told.append, spawn).start(cast(Connection, connection))
        [task] = spawned
        with pytest.raises(ValueError, match="no such header"):
            await task
        assert (told, connection.is_cut) == ([], True)

    asyncio.run(scenario())
