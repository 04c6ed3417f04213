"""`Cloud`: what the API's handlers work with."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from cstar_cli.cloud.sessions import Sessions
from cstar_cli.cloud.store.interface import Store


@dataclass(frozen=True, slots=True)
class Cloud:
    """One node of the service. `clock` is monotonic, in seconds; `now_ms` is the wall clock."""

    store: Store
    sessions: Sessions
    clock: Callable[[], float]
    now_ms: Callable[[], int]
    pid: int
    embedded: bool
    database: str
    started_at_ms: int
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Tell tunnels and tails to end, and those that still come."""
        self.stopping.set()
        self.store.wakeups.wake_all()
        self.sessions.hang_up_all()
