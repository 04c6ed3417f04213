"""How long a tunnel lives: until it is ended, or something that is done for it fails."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec

P = ParamSpec("P")


class Lifetime:
    """What is done for one tunnel, at once or in tasks of its own, and the error that all of it ends with.

    Its owner enters the `group` of the tasks, waits until it is `over`, and raises what that says.
    """

    __slots__ = ("group", "over")

    def __init__(self) -> None:
        self.over: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.group = asyncio.TaskGroup()

    @property
    def is_over(self) -> bool:
        return self.over.done()

    def end(self, error: Exception) -> None:
        """End with this, unless it is over."""
        if not self.over.done():
            self.over.set_result(error)

    def now(self, work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Do it at once, unless it is over; the tunnel ends where it fails."""
        if not self.over.done():
            try:
                work(*args, **kwargs)
            except Exception as error:  # its owner raises it
                self.end(error)

    def start(self, work: Awaitable[None]) -> None:
        """Do it in a task of its own; the tunnel ends where it fails."""

        async def to_its_end() -> None:
            try:
                await work
            except Exception as error:  # its owner raises it
                self.end(error)

        self.group.create_task(to_its_end())
