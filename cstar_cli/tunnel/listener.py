"""`Listener`: forwards what comes, has it wait while nothing takes it, drains at the end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, assert_never

from msgspec.structs import replace

from cstar_cli.activity import Finishing, Forwarded, Overlap, Summary
from cstar_cli.errors import CstarError
from cstar_cli.protocol.commands import (
    Accepted,
    Concluded,
    Enough,
    Forward,
    HangUp,
    ListenerCommand,
    Meet,
    Send,
    SetAside,
)
from cstar_cli.protocol.frames import Delivery, Frame, Result
from cstar_cli.protocol.listener import ListenerProtocol
from cstar_cli.tunnel.connection import Unreachable
from cstar_cli.tunnel.link import Link
from cstar_cli.tunnel.surroundings import Surroundings
from cstar_cli.tunnel.undecided import Undecided
from cstar_cli.tunnel.watch import Watch

if TYPE_CHECKING:
    from cstar_cli.sender.posting import Cancelable, Spawn
    from cstar_cli.tunnel.forwarder import Unanswered
    from cstar_cli.tunnel.meddling import Meddling

DRAIN_S = 10.0
SETTLE_S = 2.0
BYE_S = 3.0
ABORT_S = 0.5


class Listener:
    """One `cstar listen`: its session outlives any connection and any cloud process."""

    def __init__(self, protocol: ListenerProtocol, around: Surroundings) -> None:
        self._protocol = protocol
        self._around = around
        self._stop = asyncio.Event()
        self._abort = asyncio.Event()
        self._progress = asyncio.Event()
        self._undecided = Undecided(around.report)
        self._link = Link(protocol, around, self._do, self._received, self._undecided.give_up)
        self._watch: Watch | None = None
        self._meddling: Meddling | None = None
        self._forward = around.forward
        self._forwards: dict[str, Cancelable] = {}
        self._workers: asyncio.TaskGroup | None = None
        self._succeeded = 0
        self._failed = 0
        self._retried = 0

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Take nothing more and finish what is in flight; a second call ends at once."""
        if self._stop.is_set():
            self._abort.set()
        self._stop.set()
        self._progress.set()

    async def run(self) -> Summary:
        """Listen until stopped. Raises CstarError when there is no point in going on."""
        async with asyncio.TaskGroup() as group:
            self._workers = group
            if self._around.app is not None:
                self._watch = Watch(self._around.app, self._protocol, self._around, self._do, group.create_task)
            self._begin_chaos(group.create_task)
            connecting = group.create_task(self._link.stay())
            await self._stop.wait()
            self._protocol.stop()
            if self._watch is not None:
                self._watch.end()
            if self._meddling is not None:
                self._meddling.end()
            self._progress.set()
            if running := len(self._protocol.ledger.running):
                self._around.report(Finishing(running))
            unfinished = await self._drain()
            self._link.leave()
            self._do(self._protocol.goodbye())
            await asyncio.wait({connecting}, timeout=ABORT_S if self._abort.is_set() else BYE_S)
            connecting.cancel()
        self._undecided.give_up()
        held = self._protocol.ledger.given_up
        return Summary(
            forwarded=self._succeeded + self._failed,
            succeeded=self._succeeded,
            failed=self._failed,
            unfinished=unfinished,
            waiting=len(self._protocol.ledger.failed),
            held=len(held),
            held_more=self._protocol.gives_up_more,
            held_since_ms=_oldest_ms(held),
            retried=self._retried,
            chaos=None if self._meddling is None else self._meddling.counts(),
        )

    def _begin_chaos(self, spawn: "Spawn") -> None:
        if self._around.chaos is None:
            return
        from cstar_cli.tunnel.meddling import Meddling  # late: most runs need none of it

        self._meddling = Meddling(self._around.chaos, self._protocol, self._around, self._do, spawn)
        self._forward = self._meddling.forward

    def _received(self, frames: Sequence[Frame]) -> Awaitable[object] | None:
        self._do(self._protocol.received(frames, self._around.clock()))
        self._progress.set()
        return self._less_queued() if self._protocol.full else None

    async def _less_queued(self) -> None:
        while self._protocol.full:
            self._progress.clear()
            await self._progress.wait()

    def _do(self, commands: Iterable[ListenerCommand]) -> None:
        hang_up: HangUp | None = None
        for command in commands:
            match command:
                case Send():
                    self._link.send(command.frame)
                case Forward():
                    self._start_forward(command.delivery)
                case Concluded(delivery_id, retry_at_ms):
                    self._retried += retry_at_ms is not None
                    self._undecided.decide(delivery_id, retry_at_ms)
                case Accepted(welcome):
                    self._link.accepted(welcome)
                    if self._watch is not None:
                        self._watch.begin()
                case SetAside(delivery):
                    assert self._meddling
                    self._meddling.hold_back(delivery)
                case Enough():
                    if not self.stopping:
                        self.stop()
                case Meet(who):
                    self._around.report(Overlap((who,), 0, now=True, only_mine=self._protocol.only_mine))
                case HangUp():
                    hang_up = command
                case _:
                    assert_never(command)
        if hang_up:  # last: the protocol counts on the commands beside it
            reason = hang_up.reason
            raise Unreachable(reason) if hang_up.retry else CstarError(f"The cloud refuses the session: {reason}")

    def _start_forward(self, delivery: Delivery) -> None:
        assert self._workers
        room = self._around.room()
        spawn = self._workers.create_task
        if room is None:
            forward = self._forward(delivery, self._forwarded, spawn)
        else:
            forward = spawn(self._forward_later(delivery, spawn, room))
        self._forwards[delivery.delivery_id] = forward

    async def _forward_later(self, delivery: Delivery, spawn: "Spawn", room: Awaitable[object]) -> None:
        await room
        self._forwards[delivery.delivery_id] = self._forward(delivery, self._forwarded, spawn)

    def _forwarded(self, result: Result, forwarded: Forwarded, unanswered: "Unanswered | None" = None) -> None:
        if unanswered is not None and self._watch is not None and self._workers is not None:
            look = self._look(self._watch, result, forwarded, unanswered)
            self._forwards[result.delivery_id] = self._workers.create_task(look)
            return
        self._forwards.pop(result.delivery_id, None)
        self._succeeded += result.succeeded
        self._failed += not result.succeeded
        try:
            self._do(self._protocol.finished(result, self._around.clock()))
            if result.succeeded:
                self._around.report(forwarded)
            else:
                self._report_failure(result, replace(forwarded, session_id=self._protocol.session_id))
        except Exception as error:  # a socket's callback, where nobody would hear it: it ends the listener
            assert self._workers
            self._workers.create_task(_fail(error))
        self._progress.set()

    def _report_failure(self, result: Result, failed: Forwarded) -> None:
        if self._protocol.will_conclude(result):
            self._undecided.add(failed)
        else:
            self._around.report(failed)

    async def _look(self, watch: Watch, result: Result, forwarded: Forwarded, why: "Unanswered") -> None:
        """Have a delivery that got no answer wait while the application is away; else it has failed."""
        if await watch.finds_away(result.delivery_id, why):
            del self._forwards[result.delivery_id]
            self._protocol.put_back(result.delivery_id)
            self._progress.set()
        else:
            self._forwarded(result, replace(forwarded, hint=await watch.hint(why) or forwarded.hint))

    async def _drain(self) -> int:
        """Wait for what is in flight, and for its results to be durable; return how many were given up."""
        await self._until(lambda: not self._protocol.ledger.running, DRAIN_S)
        for forward in [*self._forwards.values()]:  # one that is given up may tell what came of it so far
            forward.cancel()
        unfinished = len(self._protocol.ledger.running)
        await self._until(lambda: not self._protocol.ledger.unsettled, SETTLE_S)
        return unfinished

    async def _until(self, done: Callable[[], bool], limit_s: float) -> None:
        try:
            async with asyncio.timeout(limit_s):
                while not done() and not self._abort.is_set():
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            return


def _oldest_ms(deliveries: Sequence[Delivery]) -> int | None:
    if not deliveries:
        return None
    from cstar_cli.events.envelope import created_at_ms  # late: most listeners leave nothing

    return min(filter(None, (created_at_ms(each.body) for each in deliveries)), default=None)


async def _fail(error: Exception) -> None:
    raise error
