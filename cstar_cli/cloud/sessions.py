"""Who is connected to this node, and the end of those who stay away."""

import asyncio
from collections.abc import Callable, Sequence

from cstar_cli.cloud import logs
from cstar_cli.cloud.store.interface import Store, StoreUnavailable
from cstar_cli.cloud.store.records import Session

OPENED_TOGETHER = 8  # of a crowd that comes back at once: requests would wait for all of it

CATCHING_UP_TOGETHER = 2  # that is long work for the store

HangUp = Callable[[], None]
Tell = Callable[[Sequence[str]], None]


class Sessions:
    """The connections of this node; which sessions are open, and which of them away, is the store's to know.

    A session whose listener is away keeps getting deliveries for `grace_s` seconds, so that a cut or a restart of a
    node loses nothing; then it ends, and what it hasn't answered fails.
    """

    def __init__(self, store: Store, grace_s: float) -> None:
        self._store = store
        self._grace_s = grace_s
        self._hang_up: dict[str, HangUp] = {}
        self._tell: dict[str, Tell] = {}
        self._unnoted: dict[tuple[str, int], Session] = {}
        self._closing = False
        self.catching_up = asyncio.Semaphore(CATCHING_UP_TOGETHER)  # held while a session gets what came before it
        self.opening = asyncio.Semaphore(OPENED_TOGETHER)  # held while a session is opened or resumed

    @property
    def connected(self) -> int:
        return len(self._hang_up)

    def join(self, session: Session, hang_up: HangUp, tell: Tell = lambda _: None) -> None:
        """A listener is connected; an earlier connection of the same session is hung up.

        It is told who else comes that gets some of its events.
        """
        displaced = self._hang_up.get(session.id)
        self._hang_up[session.id], self._tell[session.id] = hang_up, tell
        if displaced:
            displaced()
        if self._closing:
            hang_up()

    async def leave(self, session: Session, hang_up: HangUp) -> None:
        """A connection is gone, for whatever reason. While the store is away this is noted at the next sweep."""
        if self._hang_up.get(session.id) != hang_up:
            return  # the session goes on over another one
        del self._hang_up[session.id], self._tell[session.id]
        self._unnoted[session.id, session.epoch] = session
        try:
            await self._note(session)
        except StoreUnavailable as error:
            logs.warning("session not noted as away yet", session_id=session.id, reason=str(error))

    def tell(self, session_id: str, newcomers: Sequence[str]) -> None:
        """Others have come; whether the session is still here or not."""
        if session_id in self._tell:
            self._tell[session_id](newcomers)

    def hang_up_all(self) -> None:
        """Hang up every connection, and every one that still comes."""
        self._closing = True
        for hang_up in list(self._hang_up.values()):
            hang_up()

    async def end(self, session: Session, hang_up: HangUp, reason: str) -> None:
        """End the session for good, unless it has gone on in a later epoch; what it hasn't answered fails."""
        await self._store.end_session(session, reason)
        if self._hang_up.get(session.id) == hang_up:
            del self._hang_up[session.id], self._tell[session.id]

    async def sweep(self) -> None:
        """End, for ever, the sessions whose grace is over. Raises StoreUnavailable."""
        for session in list(self._unnoted.values()):
            await self._note(session)
        reason = f"the listener stayed away for {self._grace_s:.0f} s"
        ended = await self._store.end_lost_sessions(round(self._grace_s * 1000), reason)
        if ended:
            logs.info("sessions ended", count=ended, reason=reason)

    async def _note(self, session: Session) -> None:
        await self._store.leave_session(session)
        self._unnoted.pop((session.id, session.epoch), None)
