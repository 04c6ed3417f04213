"""`Cloud`: what the API's handlers work with."""

import asyncio
from collections.abc import Callable

import msgspec

from cstar_cli.cloud.metrics import Metrics
from cstar_cli.cloud.options import CloudOptions
from cstar_cli.cloud.sessions import Sessions
from cstar_cli.cloud.store.interface import Store


class Cloud(msgspec.Struct, frozen=True):
    """One node of the service. `clock` is monotonic, in seconds; `now_ms` is the wall clock.

    `database` names the database for people, without a password. `stopping` is set once the node is told to end: it is
    not ready any more, and what stays open ends.
    """

    options: CloudOptions
    store: Store
    sessions: Sessions
    metrics: Metrics
    clock: Callable[[], float]
    now_ms: Callable[[], int]
    pid: int
    database: str
    started_at_ms: int
    stopping: asyncio.Event = msgspec.field(default_factory=asyncio.Event)

    @property
    def embedded(self) -> bool:
        return self.options.embedded

    def stop(self) -> None:
        """Tell tunnels and tails to end, and those that still come."""
        self.stopping.set()
        self.store.wakeups.wake_all()
        self.sessions.hang_up_all()
