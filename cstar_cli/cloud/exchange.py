"""What goes through an open tunnel: to the listener what is due, and from it what came of that, to the store."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from cstar_cli.cloud import logs
from cstar_cli.cloud.alarm import sooner
from cstar_cli.cloud.lifetime import Lifetime
from cstar_cli.cloud.node import Node
from cstar_cli.cloud.outbox import PUSH_BYTES
from cstar_cli.cloud.results import Results
from cstar_cli.cloud.store.interface import NO_RETRIES
from cstar_cli.cloud.store.queries import DueQuery
from cstar_cli.cloud.store.records import AttemptOutcome, Due, DueDelivery, Session, Settled, WaitsMs
from cstar_cli.events.envelope import MAX_BODY_BYTES
from cstar_cli.events.wires import body_in
from cstar_cli.protocol.commands import RelayCommand
from cstar_cli.protocol.frames import Delivery, Result
from cstar_cli.protocol.relay import RelayProtocol


class Exchange:
    """Pushes what is due to one session, and settles what comes back.

    Pushing is done at once, when the store has told what is due; settling has a task while there is something to
    settle. An alarm is set while something waits for its retry.
    """

    __slots__ = (
        "_alarm",
        "_do",
        "_has_news",
        "_is_pushing",
        "_is_settling",
        "_just_settled",
        "_lifetime",
        "_node",
        "_protocol",
        "_results",
        "_retry_speed",
        "_room_asked",
        "_session",
        "_then",
    )

    def __init__(
        self,
        session: Session,
        retry_speed: float | None,
        node: Node,
        protocol: RelayProtocol,
        lifetime: Lifetime,
        do: Callable[[Iterable[RelayCommand]], None],
    ) -> None:
        self._session = session
        self._retry_speed = retry_speed
        self._node = node
        self._protocol = protocol
        self._lifetime = lifetime
        self._do = do
        self._results = Results()
        self._just_settled: dict[str, int] = {}  # and in which attempt
        self._alarm: asyncio.TimerHandle | None = None
        self._has_news = self._is_pushing = self._is_settling = False
        self._room_asked = 0
        self._then: Callable[[], Awaitable[None]] | None = None

    def wake(self) -> None:
        """Something may be due."""
        self._has_news = True
        self._lifetime.now(self._push_soon)

    def settle(self, result: Result) -> None:
        """Make it durable, with all that come meanwhile. Raises Gone when there are more than can be kept."""
        self._results.add(result)
        if not self._is_settling:
            self._settle_soon()

    def finish(self, then: Callable[[], Awaitable[None]]) -> None:
        """Do this after the last result is durable."""
        self._then = then
        if not self._is_settling:
            self._settle_soon()

    def close(self) -> None:
        """The tunnel is over: look no more."""
        if self._alarm:
            self._alarm.cancel()

    def wanted(self) -> DueQuery:
        """Say what the listener takes now."""
        self._has_news = False
        self._just_settled.clear()
        self._room_asked = self._protocol.room
        return DueQuery(self._session, tuple(self._protocol.held), self._room_asked, PUSH_BYTES)

    def due(self, answer: Due | Exception) -> None:
        """Send what is due to the listener; more of it may be, and have room."""
        self._is_pushing = False
        self._lifetime.now(self._push, answer)

    def _push_soon(self) -> None:
        """Push, if there may be something and there is room, unless that is being done."""
        if self._has_news and not self._is_pushing and self._protocol.room:
            self._is_pushing = True
            self._node.pusher.add(self)

    def _push(self, answer: Due | Exception) -> None:
        if isinstance(answer, Exception):
            raise answer
        due = answer.deliveries
        size = sum(len(delivery.body) for delivery in due)
        if len(due) >= self._room_asked or size + MAX_BODY_BYTES > PUSH_BYTES:  # one more would else have come along
            self._has_news = True
        # A result may have come, after its lease, while the store was read: the listener has forgotten it.
        settled, wanted = self._just_settled, self._session.wire
        fresh = [_frame(delivery, wanted) for delivery in due if delivery.attempt > settled.get(delivery.id, 0)]
        self._do(self._protocol.push(fresh, self._node.clock()))
        if answer.wait_ms is not None:
            self._look_again_in(answer.wait_ms)
        self._push_soon()

    def _look_again_in(self, wait_ms: int) -> None:
        self._alarm = sooner(self._alarm, wait_ms / 1000, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.wake()

    def _settle_soon(self) -> None:
        self._is_settling = True
        self._lifetime.start(self._settle())

    async def _settle(self) -> None:
        """Make results durable, as many at once as have come in."""
        while outcomes := self._results.take():
            settled = await self._node.store.settle(self._session, outcomes, self._waits_ms(outcomes))
            self._tell(outcomes, settled)
            self._push_soon()
        if self._then:
            await self._then()
        self._is_settling = False

    def _waits_ms(self, outcomes: Sequence[AttemptOutcome]) -> WaitsMs:
        speed, retries, wire = self._retry_speed, self._node.retries, self._session.wire
        if speed is None:
            return NO_RETRIES
        return {one.delivery_id: retries.waits_ms(one, speed, wire) for one in outcomes if not one.succeeded}

    def _tell(self, outcomes: Sequence[AttemptOutcome], settled: Settled) -> None:
        """Tell the listener which of its results are durable, and the node about those that are news."""
        told = {
            one.delivery_id: one
            for one in outcomes
            if one.delivery_id in settled and not self._protocol.has_later(one.delivery_id, one.attempt)
        }
        with logs.together():
            for delivery_id, outcome in told.items():
                if delivery_id in self._protocol.held:  # the others were settled before
                    self._node.observe(self._session, outcome)
                self._just_settled[delivery_id] = outcome.attempt
        retries = {id_: retry for id_ in told if (retry := settled[id_]) is not None}
        retry_at_ms = {id_: retry.at_ms for id_, retry in retries.items()}
        self._do(self._protocol.settled(told, self._node.clock(), retry_at_ms))
        if retries:
            self._look_again_in(min(retry.in_ms for retry in retries.values()))


def _frame(due: DueDelivery, wanted: str) -> Delivery:
    body = body_in(wanted, due.body, due.made_in)
    return Delivery(due.id, due.event_id, due.event_type, due.attempt, body=body)
