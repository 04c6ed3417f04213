"""Reads what is due to tunnels: one question to the store for all that were woken together."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.queries import DueQuery
from cstar_cli.cloud.store.records import DueDelivery

MOST_TOGETHER = 128  # what is read for them is in memory until it is sent


class Pushing(Protocol):
    """A tunnel that there may be something for."""

    def wanted(self) -> DueQuery:
        """Say what it takes now."""
        ...

    def due(self, answer: Sequence[DueDelivery] | Exception) -> None:
        """Send what is due, or end."""
        ...


class Pusher:
    """Serves the tunnels of a node, in the order in which they come."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[Pushing] = []
        self._reading: asyncio.Task[None] | None = None

    def add(self, tunnel: Pushing) -> None:
        """Ask for it soon, with all that come in this turn of the loop or while others are asked for."""
        self._waiting.append(tunnel)
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            for tunnel, answer in zip(some, await self._answers(some), strict=True):
                tunnel.due(answer)
        self._reading = None

    async def _answers(self, some: Sequence[Pushing]) -> Sequence[Sequence[DueDelivery] | Exception]:
        try:
            return await self._store.due([tunnel.wanted() for tunnel in some])
        except Exception as error:  # each of them ends with it
            return [error] * len(some)
