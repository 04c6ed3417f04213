"""One post under way, and how it goes on without a task."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Protocol

import msgspec

from cstar_cli.sender.connection import Connection, Ending
from cstar_cli.sender.outcome import Outcome
from cstar_cli.sender.target import Target

Spawn = Callable[[Coroutine[None, None, None]], asyncio.Task[None]]
"""Starts a task, in a group of the caller's."""


class Cancelable(Protocol):
    """What goes on by itself, and can be given up."""

    def cancel(self) -> object: ...


class Post(msgspec.Struct, frozen=True, gc=False):
    """What is posted, and from when until when."""

    target: Target
    request: bytes
    started: float
    timeout_s: float | None
    deadline: float | None


class Begun(msgspec.Struct, eq=False):
    """A post that calls `done` when it ends, unless it is canceled before.

    `settle` says what came of it on a kept connection, None where that was stale; `anew` posts on a new one, which
    takes the task that `spawn` starts.
    """

    _post: Post
    _settle: Callable[[Connection, Ending, Post], Outcome | None]
    _anew: Callable[[Post], Coroutine[None, None, Outcome]]
    _done: Callable[[Outcome], None] | None
    _spawn: Spawn
    _connection: Connection | None = None
    _task: asyncio.Task[None] | None = None

    def start(self, kept: Connection | None) -> None:
        if kept is None:
            self._task = self._spawn(self._post_anew())
        else:
            self._connection = kept
            kept.begin(self._post.request, self._post.deadline, self._ended)

    def cancel(self) -> None:
        self._done = None
        if self._task is not None:
            self._task.cancel()
        elif self._connection is not None:
            self._connection.abort()

    async def _post_anew(self) -> None:
        outcome = await self._anew(self._post)
        done, self._done = self._done, None
        if done is not None:
            done(outcome)

    def _ended(self, ending: Ending) -> None:
        connection, self._connection = self._connection, None
        if connection is None or self._done is None:
            return
        try:
            outcome = self._settle(connection, ending, self._post)
        except Exception as error:
            connection.abort()
            self._task = self._spawn(_raise(error))  # whoever starts tasks hears of their faults
            return
        if outcome is None:
            self.start(None)
        else:  # as `_post_anew` does, without a call for each event
            done, self._done = self._done, None
            done(outcome)


async def _raise(error: Exception) -> None:
    raise error
