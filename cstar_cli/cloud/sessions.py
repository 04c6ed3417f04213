"""Who is connected, and the end of those who stay away."""

from collections.abc import Awaitable, Callable

from cstar_cli.cloud.store.interface import Store, StoreUnavailable
from cstar_cli.cloud.store.records import Session

SWEEP_S = 1.0


class Sessions:
    """The open sessions of this node.

    A session whose listener is away keeps getting deliveries for `grace_s` seconds, so that a cut or a restart of the
    cloud loses nothing; then it ends, and what it hasn't answered fails.
    """

    def __init__(
        self, store: Store, grace_s: float, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._store = store
        self._grace_s = grace_s
        self._clock = clock
        self._sleep = sleep
        self._hang_up: dict[str, Callable[[], None]] = {}
        self._away: dict[str, tuple[Session, float]] = {}
        self._closing = False

    @property
    def connected(self) -> int:
        return len(self._hang_up)

    async def remember(self) -> None:
        """Begin the grace of the sessions that an earlier run of the cloud has left open."""
        for session in await self._store.open_sessions():
            self._away[session.id] = (session, self._clock())

    def join(self, session: Session, hang_up: Callable[[], None]) -> None:
        """A listener is connected; an earlier connection of the same session is hung up."""
        self._away.pop(session.id, None)
        displaced = self._hang_up.get(session.id)
        self._hang_up[session.id] = hang_up
        if displaced:
            displaced()
        if self._closing:
            hang_up()

    def leave(self, session: Session, hang_up: Callable[[], None]) -> None:
        """A connection is gone, for whatever reason."""
        if self._hang_up.get(session.id) == hang_up:
            del self._hang_up[session.id]
            self._away[session.id] = (session, self._clock())

    def hang_up_all(self) -> None:
        """Hang up every connection, and every one that still comes."""
        self._closing = True
        for hang_up in list(self._hang_up.values()):
            hang_up()

    async def end(self, session: Session, reason: str) -> None:
        """End the session for good, unless it has gone on in a later epoch; what it hasn't answered fails."""
        await self._store.end_session(session, reason)
        known, _ = self._away.get(session.id, (None, 0.0))
        if known == session:
            del self._away[session.id]

    async def sweep(self) -> None:
        """End, for ever, the sessions whose grace is over."""
        while True:
            await self._sleep(SWEEP_S)
            late = [session for session, since in self._away.values() if self._clock() - since >= self._grace_s]
            for session in late:
                try:
                    await self.end(session, f"the listener stayed away for {self._grace_s:.0f} s")
                except StoreUnavailable:
                    break  # the session stays in the list: the next sweep tries again
