"""The listener's end of the tunnel: the conversation with the cloud, over however many connections.

What is held between a delivery's arrival and its settlement is in the ledger, and survives a lost connection: each
hello tells it. When the cloud has ended the session, all of it is void.

While the application is away (`hold`) nothing is started, and what was started in vain is queued again (`put_back`), in
the order in which all arrived; the cloud may push it again meanwhile, which is a repeat like any other.

Where this end stood still for so long that the cloud must have given it up, nothing is taken or started before a
welcome on a new connection says whether the session still stands: else what comes again would be forwarded twice.

Nothing more is read while the listener is `full`.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

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
from cstar_cli.protocol.frames import Bye, Delivery, Frame, Hello, Joined, Refused, Result, Settled, Welcome, wishes_in
from cstar_cli.protocol.heartbeat import Pulse
from cstar_cli.protocol.ledger import Ledger
from cstar_cli.protocol.standstill import Standstill

QUEUED_BEYOND_SLOTS = 32
MOST_MET = 100


class ListenerProtocol:
    """Frames, results and ticks in; commands out."""

    def __init__(self, wanted: Hello, *, concurrency: int, most: int | None = None, set_aside: bool = False) -> None:
        """`wanted` is what each connection's hello says; the session and what is held of it are filled in.

        At most `most` deliveries are forwarded, where it is given, each until it isn't tried again.
        """
        self.wanted = wanted
        self.ledger = Ledger(concurrency=concurrency, most=most, sets_aside=set_aside)
        self.session_id: str | None = None
        self.gives_up_more = False  # than was queued: what the cloud may have not pushed yet
        self._met: deque[str] = deque(maxlen=MOST_MET)
        self._pulse: Pulse | None = None
        self._standstill: Standstill | None = None
        self._in_doubt = False  # whether the session may have ended while this end stood still
        self._welcomed = False
        self._on_hold = False
        self._leaving = False

    @property
    def has_all_it_takes(self) -> bool:
        """Whether the cloud has pushed as much as was asked for, and may have more."""
        return len(self.ledger.held) >= self.wanted.window

    def unheeded(self, welcome: Welcome) -> Sequence[str]:
        """Return which wishes the cloud is too old for."""
        return [name for name in wishes_in(self.wanted) if name not in welcome.heeds]

    @property
    def only_mine(self) -> bool:
        """Whether events of one origin alone are taken."""
        return self.wanted.only_origin is not None

    @property
    def wants_retries(self) -> bool:
        return self.wanted.retry_speed is not None

    def will_conclude(self, result: Result) -> bool:
        """Whether a `Concluded` is about to say what follows a failed attempt that has `finished`."""
        return self.wants_retries and self._welcomed and result.delivery_id in self.ledger.unsettled

    @property
    def full(self) -> bool:
        """Whether more is queued than was asked for: read nothing until something has finished."""
        return len(self.ledger.queued) > self.wanted.window

    def connected(self, now: float) -> Sequence[ListenerCommand]:
        """A connection is up: introduce ourselves."""
        self._pulse, self._standstill = Pulse(now), Standstill(now)
        self._welcomed = False
        return [Send(replace(self.wanted, session_id=self.session_id, holding=tuple(self.ledger.held)))]

    def received(self, frames: Iterable[Frame], now: float) -> Sequence[ListenerCommand]:
        """The cloud has said something."""
        if too_late := self._turn(now):
            return too_late
        if self._pulse:
            self._pulse.heard(now)
        commands: list[ListenerCommand] = []
        for frame in frames:
            match frame:
                case Delivery():
                    commands += self._take(frame)
                case Settled():
                    commands += self._settle(frame)
                case Welcome():
                    commands += self._welcome(frame)
                case Joined(who) if who not in self._met:  # each route of another listener says so
                    self._met.append(who)
                    commands.append(Meet(who))
                case Refused(message=message, retry=retry):
                    commands.append(HangUp(message, retry))
                case _:
                    pass
        return self._noted(commands + self._start(), now)

    def finished(self, result: Result, now: float) -> Sequence[ListenerCommand]:
        """A forwarded delivery has its outcome."""
        if self._standstill is not None and now > self._standstill.next_by:  # not a call for each event
            self._turn(now)
        commands: list[ListenerCommand] = []
        is_ours = self.ledger.finish(result)
        if is_ours and self._welcomed:
            commands.append(Send(result))
            if self._pulse is not None:
                self._pulse.said(now)
        if self.ledger.is_limited and (not is_ours or result.succeeded or not self.wants_retries):
            commands += self._conclude(result.delivery_id)
        if self.ledger.queued:
            commands += self._start()
        return commands

    def let_go(self, delivery_ids: Iterable[str], now: float) -> Sequence[ListenerCommand]:
        """Queue those of these that are set aside still, as if they came now."""
        self._turn(now)
        self.ledger.let_go(delivery_ids)
        return self._noted(self._start(), now)

    def hold(self) -> None:
        """Start nothing more until `release`."""
        self._on_hold = True

    def put_back(self, delivery_id: str) -> None:
        """Queue again what was started: its turn has not come yet."""
        self.ledger.put_back(delivery_id)

    def release(self, now: float) -> Sequence[ListenerCommand]:
        """Start what was held, the first to arrive first."""
        self._turn(now)
        self._on_hold = False
        self.ledger.sort()
        return self._noted(self._start(), now)

    def tick(self, now: float) -> Sequence[ListenerCommand]:
        """Time has passed; call it about once a second."""
        if too_late := self._turn(now):
            return too_late
        if self._pulse and self.full:
            self._pulse.heard(now)  # as far as we know: nobody reads what is said
        return self._pulse.tick(now) if self._pulse else []

    def lost(self, now: float) -> None:
        """The connection is gone; what is held stays held."""
        self._turn(now)
        self._pulse = self._standstill = None
        self._welcomed = False

    def stop(self) -> None:
        """Take nothing more; what runs may finish."""
        self.gives_up_more = self.has_all_it_takes
        self.ledger.close()

    def goodbye(self) -> Sequence[ListenerCommand]:
        """End the session for good; one that we have only asked for ends as soon as we are given it."""
        self._leaving = True
        return [Send(Bye())] if self._welcomed else []

    def _turn(self, now: float) -> Sequence[ListenerCommand]:
        """Note the time; hang up where this end stood still on this connection."""
        if self._standstill is None or not (lasted_s := self._standstill.turn(now)):
            return ()
        self._in_doubt = True
        return [HangUp(f"this process stood still for {lasted_s:.0f} s")]

    def _welcome(self, welcome: Welcome) -> list[ListenerCommand]:
        if "wire" in self.unheeded(welcome):  # what it pushes isn't what was asked for; another node may know better
            reason = f"it is too old for --wire {self.wanted.wire}: update it, or leave that out"
            return [HangUp(reason, retry=self.session_id is not None)]
        if self.session_id is not None and not welcome.resumed:
            # Another session answers for another set of deliveries: what the old one held was failed with it.
            self.ledger.void()
        self.session_id = welcome.session_id
        self._welcomed, self._in_doubt = True, False
        results = [Send(result) for result in self.ledger.unsettled.values()]
        strangers = tuple(who for who in welcome.others if who not in self._met)  # a later session has the same others
        self._met += strangers
        return [*results, Send(Bye())] if self._leaving else [Accepted(replace(welcome, others=strangers)), *results]

    def _take(self, delivery: Delivery) -> list[ListenerCommand]:
        known = self.ledger.unsettled.get(delivery.delivery_id)
        commands: list[ListenerCommand] = []
        if known is not None and known.attempt == delivery.attempt:
            return [Send(known)]
        if known is not None and known.attempt < delivery.attempt:  # so the one before is settled
            commands = self._settle(Settled((delivery.delivery_id,)))
        if self.ledger.take(delivery) and self.ledger.sets_aside:
            commands.append(SetAside(delivery))
        return commands

    def _settle(self, settled: Settled) -> list[ListenerCommand]:
        commands: list[ListenerCommand] = []
        for result in self.ledger.settle(settled.delivery_ids):
            if not result.succeeded and self.wants_retries:
                delivery_id = result.delivery_id
                retry_at_ms = settled.retry_at_ms.get(delivery_id)
                commands.append(Concluded(delivery_id, retry_at_ms))
                if retry_at_ms is None:
                    commands += self._conclude(delivery_id)
                else:
                    self.ledger.await_retry(delivery_id)
        return commands

    def _conclude(self, delivery_id: str) -> list[ListenerCommand]:
        """A delivery is at its end, which may be enough."""
        return [Enough()] if self.ledger.conclude(delivery_id) else []

    def _start(self) -> list[ListenerCommand]:
        if self._on_hold or self._in_doubt:
            return []
        return list(map(Forward, self.ledger.start()))

    def _noted(self, commands: list[ListenerCommand], now: float) -> list[ListenerCommand]:
        if self._pulse and Send in map(type, commands):
            self._pulse.said(now)
        return commands
