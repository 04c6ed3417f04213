"""`Watch`: whether the application is there; while it isn't, events wait."""

import asyncio
from typing import TYPE_CHECKING

from cstar_cli.activity import Down, Up
from cstar_cli.protocol.listener import ListenerProtocol
from cstar_cli.tunnel.link import Do
from cstar_cli.tunnel.surroundings import App, Surroundings

if TYPE_CHECKING:
    from cstar_cli.sender.posting import Spawn
    from cstar_cli.tunnel.forwarder import Unanswered

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
CLOSING_S = 0.1
"""How long after its connections an application that ends may close its port."""

MOST_BREAKS = 3
"""So often may the application break off one event: one that it dies of would else be sent for ever."""


class Watch:
    """Holds the protocol while nothing listens, looks until something does, and says both once.

    No event is used to find out. What was put back meanwhile goes out again in the order of its arrival.
    """

    def __init__(self, app: App, protocol: ListenerProtocol, around: Surroundings, do: Do, spawn: "Spawn") -> None:
        self._app = app
        self._protocol = protocol
        self._around = around
        self._do = do
        self._spawn = spawn
        self._first: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None  # while nothing listens
        self._was_there = False
        self._over = False
        self._has_hinted = False
        self._breaks: dict[str, int] = {}

    def begin(self) -> None:
        """Look whether the application is there, before any event needs it."""
        if self._app.holds and self._first is None:
            self._first = self._spawn(self._look_first())

    def end(self) -> None:
        """Look no more."""
        self._over = True
        for task in (self._first, self._task):
            if task is not None:
                task.cancel()

    async def finds_away(self, delivery_id: str, why: "Unanswered") -> bool:
        """Tell whether an event got no answer since the application is away, and is to wait."""
        if not self._app.holds or (why == "broken" and not await self._has_gone(delivery_id)):
            return False
        self._hold()
        return True

    async def hint(self, why: "Unanswered") -> str | None:
        """Say what may help, where an event has failed; the next ones fail for the same reason."""
        if why != "refused" or self._app.holds or self._has_hinted:
            return None
        self._has_hinted = True
        return await self._app.hint()

    async def _look_first(self) -> None:
        if await self._app.look() == "refuses":
            self._hold()
        else:
            self._was_there = True

    async def _has_gone(self, delivery_id: str) -> bool:
        """Tell whether the application has ended with the event in its hands, so that nobody knows what came of it."""
        holding = self._protocol.ledger.held
        breaks = self._breaks.get(delivery_id, 0) + 1
        self._breaks = {each: count for each, count in self._breaks.items() if each in holding} | {delivery_id: breaks}
        if breaks >= MOST_BREAKS:
            return False
        if self._task is not None or await self._app.look() == "refuses":
            return True
        await asyncio.sleep(CLOSING_S)
        return self._task is not None or await self._app.look() == "refuses"

    def _hold(self) -> None:
        if self._task is None and not self._over:
            self._protocol.hold()
            self._task = self._spawn(self._until_it_answers())

    async def _until_it_answers(self) -> None:
        hint = await self._app.hint()
        self._around.report(Down(self._around.now_ms(), self._app.url, self._app.place, hint))
        pause_s = FIRST_PAUSE_S
        await asyncio.sleep(pause_s)
        while await self._app.look() != "answers":
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)
        self._task = None
        self._report_up()
        self._do(self._protocol.release(self._around.clock()))

    def _report_up(self) -> None:
        again, self._was_there = self._was_there, True
        waited, more = len(self._protocol.ledger.queued), self._protocol.has_all_it_takes
        self._around.report(Up(self._around.now_ms(), self._app.url, self._app.place, waited, more, again))
