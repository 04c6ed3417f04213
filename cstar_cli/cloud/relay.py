"""Drives one tunnel: pushes what is due, settles what comes back."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import ParamSpec, TypeVar, assert_never

from msgspec.structs import replace as changed

from cstar_cli.cloud import logs
from cstar_cli.cloud.alarm import sooner
from cstar_cli.cloud.joining import Joined, join, welcome
from cstar_cli.cloud.node import Node
from cstar_cli.cloud.outbox import PUSH_BYTES, Gone, Outbox, Socket
from cstar_cli.cloud.results import Results
from cstar_cli.cloud.store.interface import NO_RETRIES, SessionMoved
from cstar_cli.cloud.store.queries import DueQuery
from cstar_cli.cloud.store.records import AttemptOutcome, Due, DueDelivery, Session, Settled, WaitsMs
from cstar_cli.errors import CstarError
from cstar_cli.events.envelope import MAX_BODY_BYTES
from cstar_cli.events.filters import EventFilter
from cstar_cli.events.wires import body_in, checked_name
from cstar_cli.protocol.commands import End, HangUp, Open, Refill, RelayCommand, Send, Settle
from cstar_cli.protocol.frames import Delivery, Frame, Hello, MalformedMessage, Refused, decode
from cstar_cli.protocol.relay import RelayProtocol

P = ParamSpec("P")
T = TypeVar("T")


class Relay:
    """One connection of one listener, from its hello to its end.

    A node has thousands, and most have nothing to do: one task each waits for the end. What takes time (opening and
    settling) has a task for as long as it takes; all else happens at once, when socket, store or beat tell of it, or
    the alarm, which is set while something waits for its retry.
    """

    __slots__ = (
        "_alarm",
        "_group",
        "_has_news",
        "_has_said_bye",
        "_is_held",
        "_is_pushing",
        "_is_settling",
        "_just_settled",
        "_node",
        "_outbox",
        "_over",
        "_protocol",
        "_results",
        "_retry_speed",
        "_room_asked",
        "_session",
        "_socket",
        "_team_id",
        "_to_do",
    )

    def __init__(self, socket: Socket, team_id: str, node: Node) -> None:
        self._socket = socket
        self._team_id = team_id
        self._node = node
        self._protocol = RelayProtocol(node.clock())
        self._outbox = Outbox(socket, node.clock)
        self._over: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._group = asyncio.TaskGroup()
        self._session: Session | None = None
        self._to_do: list[RelayCommand] = []
        self._is_held = True  # until it runs, and while the session is opened
        self._results = Results()
        self._just_settled: dict[str, int] = {}  # and in which attempt
        self._retry_speed: float | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._is_settling = self._has_said_bye = False
        self._has_news = self._is_pushing = False
        self._room_asked = 0

    async def run(self) -> Gone:
        """Serve the tunnel until it ends, and say why it did."""
        end = Gone("over")
        self._node.beat.join(self.tick)
        try:
            async with self._group:
                self._go_on()
                raise await self._over
        except* SessionMoved:
            end = Gone("going away", code=1001)
        except* CstarError as failed:
            end = Gone(str(failed.exceptions[0]), code=1011)
        except* Gone as gone:
            end = next(error for error in gone.exceptions if isinstance(error, Gone))
        finally:
            self._finish(end)
            self._node.beat.leave(self.tick)
            if self._alarm:
                self._alarm.cancel()
            if self._session:
                self._node.store.wakeups.call_no_more(self._session.id, self.wake)
                await self._node.sessions.leave(self._session, self.hang_up)
        session_id = self._session.id if self._session else None
        logs.info("tunnel closed", team_id=self._team_id, session_id=session_id, code=end.code, reason=end.reason)
        return end

    def received(self, message: bytes) -> None:
        """The listener has said something."""
        if self._over.done():
            return
        try:
            self._to_do += self._protocol.received(decode(message), self._node.clock())
        except MalformedMessage as error:
            self._to_do += [Send(Refused(str(error), retry=False)), HangUp(str(error), retry=False)]
        self._now(self._do_what_is_to_do)

    def writable(self) -> None:
        """The listener reads again."""
        self._now(self._outbox.flush)

    def tick(self) -> None:
        """Time has passed."""
        self._now(self._look_at_the_time)

    def wake(self) -> None:
        """Something may be due."""
        self._has_news = True
        self._now(self._push_soon)

    def hang_up(self) -> None:
        """The session goes on elsewhere, or the node ends."""
        self._finish(Gone("going away", code=1001))

    def meet(self, who: str) -> None:
        """Another listener has come."""
        self._to_do += self._protocol.joined(who, self._node.clock())
        self._now(self._do_what_is_to_do)

    def lost(self) -> None:
        """The connection is no more."""
        self._finish(Gone("closed by the listener"))

    def _finish(self, error: Exception) -> None:
        if not self._over.done():
            self._over.set_result(error)

    def _now(self, work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Do it at once; the tunnel ends where it fails."""
        if not self._over.done():
            try:
                work(*args, **kwargs)
            except Exception as error:  # raised again by `run`
                self._finish(error)

    def _goes_on(self) -> bool:
        return not self._over.done()

    def _look_at_the_time(self) -> None:
        self._outbox.check()
        if self._is_held:
            self._protocol.unread(self._node.clock())
        self._do(self._protocol.tick(self._node.clock()))

    def _start(self, work: Awaitable[None]) -> None:
        """Do it in a task of its own; the tunnel ends where it fails."""

        async def to_its_end() -> None:
            try:
                await work
            except Exception as error:  # raised again by `run`
                self._finish(error)

        self._group.create_task(to_its_end())

    def _go_on(self) -> None:
        """Do what the listener has asked for, up to what takes its time."""
        self._is_held = False
        self._socket.resume()
        self._now(self._do_what_is_to_do)

    def _do_what_is_to_do(self) -> None:
        while self._to_do and not self._is_held:
            match command := self._to_do.pop(0):
                case Open(hello):
                    self._is_held = True
                    self._socket.pause()
                    self._start(self._open(hello))
                case Settle(result):
                    self._results.add(result)
                    self._settle_soon()
                case End():
                    self._has_said_bye = True
                    self._settle_soon()
                case Send() | Refill() | HangUp():
                    self._do([command])
                case _:
                    assert_never(command)

    async def _open(self, hello: Hello) -> None:
        try:
            filter = EventFilter.parse(hello.events)
            checked_name(hello.wire)
        except CstarError as error:
            self._do([Send(Refused(str(error), retry=False))])
            raise Gone("not a filter, or not a wire version", code=1008) from error
        self._retry_speed = hello.retry_speed
        async with self._node.sessions.opening:
            joined = await _to_its_end(self._join(hello, filter))
            if joined.since_ms is None:
                await self._welcome(hello, joined)
        if joined.since_ms is not None:
            async with self._node.sessions.catching_up:
                joined = await _to_its_end(self._catch_up(joined, joined.since_ms))
            await self._welcome(hello, joined)
        self._go_on()
        self.wake()

    async def _join(self, hello: Hello, filter: EventFilter) -> Joined:
        joined = await join(self._node.store, self._team_id, filter, hello)
        session = self._session = joined.session
        self._node.store.wakeups.call(session.id, self.wake)
        self._node.sessions.join(session, self.hang_up, self.meet)
        logs.info("tunnel opened", team_id=self._team_id, session_id=session.id, resumed=joined.resumed)
        return joined

    async def _catch_up(self, joined: Joined, since_ms: int) -> Joined:
        session = self._session = await self._node.store.catch_up(joined.session, since_ms, self._goes_on)
        return replace(joined, session=session)

    async def _welcome(self, hello: Hello, joined: Joined) -> None:
        said, holding = await welcome(self._node.store, hello, joined)
        speed = hello.retry_speed
        waits_ms = None if speed is None else self._node.retries.scheduled_ms(speed, joined.session.wire)
        said = changed(said, retry_waits_ms=waits_ms)
        self._do(self._protocol.accepted(said, holding, self._node.clock()))

    def wanted(self) -> DueQuery:
        """Say what the listener takes now."""
        assert self._session
        self._has_news = False
        self._just_settled.clear()
        self._room_asked = self._protocol.room
        return DueQuery(self._session, tuple(self._protocol.held), self._room_asked, PUSH_BYTES)

    def due(self, answer: Due | Exception) -> None:
        """Send what is due to the listener; more of it may be, and have room."""
        self._is_pushing = False
        self._now(self._push, answer)

    def _push_soon(self) -> None:
        """Push, if there may be something and there is room, unless that is being done."""
        if self._has_news and not self._is_pushing and not self._is_held and self._protocol.room:
            self._is_pushing = True
            self._node.pusher.add(self)

    def _push(self, answer: Due | Exception) -> None:
        if isinstance(answer, Exception):
            raise answer
        assert self._session
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
        if not self._is_settling:
            assert self._session
            self._is_settling = True
            self._start(self._settle(self._session))

    async def _settle(self, session: Session) -> None:
        """Make results durable, as many at once as have come in; the session ends after the last one."""
        while outcomes := self._results.take():
            settled = await self._node.store.settle(session, outcomes, self._waits_ms(session, outcomes))
            self._tell(session, outcomes, settled)
            self._push_soon()
        if self._has_said_bye:
            await self._node.sessions.end(session, self.hang_up, "the listener ended before it answered this")
            raise Gone("bye")
        self._is_settling = False

    def _waits_ms(self, session: Session, outcomes: Sequence[AttemptOutcome]) -> WaitsMs:
        speed, retries = self._retry_speed, self._node.retries
        if speed is None:
            return NO_RETRIES
        return {one.delivery_id: retries.waits_ms(one, speed, session.wire) for one in outcomes if not one.succeeded}

    def _tell(self, session: Session, outcomes: Sequence[AttemptOutcome], settled: Settled) -> None:
        """Tell the listener which of its results are durable, and the node about those that are news."""
        told = {
            one.delivery_id: one
            for one in outcomes
            if one.delivery_id in settled and not self._protocol.has_later(one.delivery_id, one.attempt)
        }
        with logs.together():
            for delivery_id, outcome in told.items():
                if delivery_id in self._protocol.held:  # the others were settled before
                    self._node.observe(session, outcome)
                self._just_settled[delivery_id] = outcome.attempt
        retries = {id_: retry for id_ in told if (retry := settled[id_]) is not None}
        retry_at_ms = {id_: retry.at_ms for id_, retry in retries.items()}
        self._do(self._protocol.settled(told, self._node.clock(), retry_at_ms))
        if retries:
            self._look_again_in(min(retry.in_ms for retry in retries.values()))

    def _do(self, commands: Iterable[RelayCommand]) -> None:
        frames: list[Frame] = []
        for command in commands:
            match command:
                case Send(frame):
                    frames.append(frame)
                case HangUp(reason):
                    self._outbox.send(frames)
                    raise Gone(reason, code=1008)
                case Refill():
                    self.wake()
                case _:
                    raise AssertionError(f"{command} takes its time")
        if frames:
            self._outbox.send(frames)


async def _to_its_end(work: Coroutine[None, None, T]) -> T:
    """Return what comes of it; one who is cancelled waits all the same, for what is committed must be known."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        await asyncio.wait([task])
        task.exception()  # is heard, too
        raise
    return task.result()


def _frame(due: DueDelivery, wanted: str) -> Delivery:
    body = body_in(wanted, due.body, due.made_in)
    return Delivery(due.id, due.event_id, due.event_type, due.attempt, body=body)
