"""Drives one tunnel: opens the session that its listener asks for, and keeps it until one of them ends."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from functools import lru_cache
from typing import TypeVar, assert_never

from msgspec.structs import replace

from cstar_cli.cloud import logs
from cstar_cli.cloud.exchange import Exchange
from cstar_cli.cloud.joining import Joined, join, welcome
from cstar_cli.cloud.lifetime import Lifetime
from cstar_cli.cloud.node import Node
from cstar_cli.cloud.outbox import Gone, Outbox, Socket
from cstar_cli.cloud.store.interface import SessionMoved
from cstar_cli.cloud.store.records import Session
from cstar_cli.errors import CstarError
from cstar_cli.events.filters import EventFilter
from cstar_cli.events.wires import checked_name
from cstar_cli.protocol.commands import End, HangUp, Open, Refill, RelayCommand, Send, Settle
from cstar_cli.protocol.frames import Frame, Hello, MalformedMessage, Refused, decode
from cstar_cli.protocol.relay import RelayProtocol

T = TypeVar("T")

_SHARED_CHARS = 2000  # of longer ones the cache would keep megabytes

_shared = lru_cache(maxsize=256)(EventFilter.parse)


def _filter(patterns: tuple[str, ...]) -> EventFilter:
    """Return what they say: a crowd wants the same, and has one filter."""
    is_short = len(patterns) + sum(map(len, patterns)) <= _SHARED_CHARS
    return _shared(patterns) if is_short else EventFilter.parse(patterns)


class Relay:
    """One connection of one listener, from its hello to its end.

    A node has thousands, and most have nothing to do: one task each waits for the end. What takes time (opening and
    settling) has a task for as long as it takes; all else happens at once, when socket, store or beat tell of it.
    """

    __slots__ = (
        "_exchange",
        "_is_held",
        "_lifetime",
        "_node",
        "_outbox",
        "_protocol",
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
        self._lifetime = Lifetime()
        self._session: Session | None = None
        self._exchange: Exchange | None = None  # once the session stands
        self._to_do: list[RelayCommand] = []
        self._is_held = True  # until it runs, and while the session is opened

    async def run(self) -> Gone:
        """Serve the tunnel until it ends, and say why it did."""
        end = Gone("over")
        self._node.beat.join(self.tick)
        try:
            async with self._lifetime.group:
                self._go_on()
                raise await self._lifetime.over
        except* SessionMoved:
            end = Gone("going away", code=1001)
        except* CstarError as failed:
            end = Gone(str(failed.exceptions[0]), code=1011)
        except* Gone as gone:
            end = next(error for error in gone.exceptions if isinstance(error, Gone))
        finally:
            self._lifetime.end(end)
            self._node.beat.leave(self.tick)
            if self._exchange:
                self._exchange.close()
            if self._session:
                self._node.store.wakeups.call_no_more(self._session.id, self.wake)
                await self._node.sessions.leave(self._session, self.hang_up)
        session_id = self._session.id if self._session else None
        logs.info("tunnel closed", team_id=self._team_id, session_id=session_id, code=end.code, reason=end.reason)
        return end

    def received(self, message: bytes) -> None:
        """The listener has said something."""
        if self._lifetime.is_over:
            return
        try:
            self._to_do += self._protocol.received(decode(message), self._node.clock())
        except MalformedMessage as error:
            self._to_do += [Send(Refused(str(error), retry=False)), HangUp(str(error), retry=False)]
        self._lifetime.now(self._do_what_is_to_do)

    def writable(self) -> None:
        """The listener reads again."""
        self._lifetime.now(self._outbox.flush)

    def tick(self) -> None:
        """Time has passed."""
        self._lifetime.now(self._look_at_the_time)

    def wake(self) -> None:
        """Something may be due."""
        if self._exchange:  # else it looks as soon as it is there
            self._exchange.wake()

    def hang_up(self) -> None:
        """The session goes on elsewhere, or the node ends."""
        self._lifetime.end(Gone("going away", code=1001))

    def meet(self, newcomers: Sequence[str]) -> None:
        """Other listeners have come."""
        self._to_do += self._protocol.joined(newcomers, self._node.clock())
        self._lifetime.now(self._do_what_is_to_do)

    def lost(self) -> None:
        """The connection is no more."""
        self._lifetime.end(Gone("closed by the listener"))

    def _goes_on(self) -> bool:
        return not self._lifetime.is_over

    def _look_at_the_time(self) -> None:
        self._outbox.check()
        if self._is_held:
            self._protocol.unread(self._node.clock())
        self._do(self._protocol.tick(self._node.clock()))

    def _go_on(self) -> None:
        """Do what the listener has asked for, up to what takes its time."""
        self._is_held = False
        self._socket.resume()
        self._lifetime.now(self._do_what_is_to_do)

    def _do_what_is_to_do(self) -> None:
        while self._to_do and not self._is_held:
            match command := self._to_do.pop(0):
                case Open(hello):
                    self._is_held = True
                    self._socket.pause()
                    self._lifetime.start(self._open(hello))
                case Settle(result):
                    assert self._exchange
                    self._exchange.settle(result)
                case End():
                    assert self._exchange
                    self._exchange.finish(self._bye)
                case Send() | Refill() | HangUp():
                    at_once: list[RelayCommand] = [command]
                    while self._to_do and isinstance(self._to_do[0], Send):
                        at_once.append(self._to_do.pop(0))
                    self._do(at_once)
                case _:
                    assert_never(command)

    async def _open(self, hello: Hello) -> None:
        try:
            filter = _filter(hello.events)
            checked_name(hello.wire)
        except CstarError as error:
            self._do([Send(Refused(str(error), retry=False))])
            raise Gone("not a filter, or not a wire version", code=1008) from error
        async with self._node.sessions.opening:
            joined = await _to_its_end(self._join(hello, filter))
            if joined.since_ms is None:
                await self._welcome(hello, joined)
        if joined.since_ms is not None:
            async with self._node.sessions.catching_up:
                joined = await _to_its_end(self._catch_up(joined, joined.since_ms))
            await self._welcome(hello, joined)
        self._exchange = Exchange(
            joined.session, hello.retry_speed, self._node, self._protocol, self._lifetime, self._do
        )
        self._go_on()
        self._exchange.wake()

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
        said = replace(said, retry_waits_ms=waits_ms)
        self._do(self._protocol.accepted(said, holding, self._node.clock()))

    async def _bye(self) -> None:
        assert self._session
        await self._node.sessions.end(self._session, self.hang_up, "the listener ended before it answered this")
        raise Gone("bye")

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
