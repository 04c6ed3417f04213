"""`Node`: what the tunnels of a node share."""

from collections.abc import Callable

from cstar_cli.cloud.beat import Beat
from cstar_cli.cloud.options import DeliveryPolicy
from cstar_cli.cloud.pushing import Pusher
from cstar_cli.cloud.retries import SessionRetries
from cstar_cli.cloud.sessions import Sessions
from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.records import AttemptOutcome, Session


def unobserved(_session: Session, _outcome: AttemptOutcome) -> None:
    """Nobody counts the attempts."""


class Node:
    """What all tunnels of a node share; `observe` gets each attempt once it is durable."""

    __slots__ = ("beat", "clock", "observe", "pusher", "retries", "sessions", "store")

    def __init__(
        self,
        store: Store,
        sessions: Sessions,
        clock: Callable[[], float],
        observe: Callable[[Session, AttemptOutcome], None] = unobserved,
        beat: Beat | None = None,
        retries: SessionRetries | None = None,
    ) -> None:
        self.store = store
        self.sessions = sessions
        self.clock = clock
        self.observe = observe
        self.beat = beat or Beat()
        self.pusher = Pusher(store)
        self.retries = retries or SessionRetries(DeliveryPolicy())
