"""Reads what is due to tunnels: one question to the store for all that were woken together."""

from collections.abc import Sequence
from typing import Protocol

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.queries import DueQuery
from cstar_cli.cloud.store.records import Due
from cstar_cli.cloud.working import Worker

MOST_TOGETHER = 128  # what is read for them is in memory until it is sent


class Pushing(Protocol):
    """A tunnel that there may be something for."""

    def wanted(self) -> DueQuery:
        """Say what it takes now."""
        ...

    def due(self, answer: Due | Exception) -> None:
        """Send what is due, or end."""
        ...


class Pusher:
    """Serves the tunnels of a node, in the order in which they come."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[Pushing] = []
        self._reading = Worker("pushing", self._read)

    def add(self, tunnel: Pushing) -> None:
        """Ask for it soon, with all that come in this turn of the loop or while others are asked for."""
        self._waiting.append(tunnel)
        self._reading.begin()

    async def _read(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            for tunnel, answer in await self._answers(some):
                tunnel.due(answer)

    async def _answers(self, some: Sequence[Pushing]) -> Sequence[tuple[Pushing, Due | Exception]]:
        try:
            return list(zip(some, await self._store.due([tunnel.wanted() for tunnel in some]), strict=True))
        except Exception as error:  # each of them ends with it
            return [(tunnel, error) for tunnel in some]
