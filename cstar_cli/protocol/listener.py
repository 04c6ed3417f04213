"""The listener's end of the tunnel: what the CLI holds between a delivery's arrival and its settlement.

A delivery is *queued* until one of `concurrency` slots is free, *running* while it is forwarded, *unsettled* until the
cloud says that the result is durable. All three survive a lost connection; a repeat of any is recognised by its
delivery id and never forwarded again. When the cloud has ended the session, all three are void: what runs may finish,
its result is nobody's any more.

Where deliveries are `set_aside`, each waits before it is queued until it is `let_go`, in whichever order that is.

What failed may come again as the delivery's next attempt, which is forwarded like any other.

While the application is away (`hold`) nothing is started, and what was started in vain is queued again (`put_back`), in
the order in which all arrived; the cloud may push it again meanwhile, which is a repeat like any other.

Where this end stood still for so long that the cloud must have given it up, nothing is taken or started before a
welcome on a new connection says whether the session still stands: else what comes again would be forwarded twice.

Memory is bounded whatever the cloud pushes: nothing more is read while the listener is `full`, and what comes beyond
`MOST_HELD` is left to be pushed again.
"""

from collections import deque
from collections.abc import Iterable, Sequence, Set

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
from cstar_cli.protocol.standstill import Standstill

QUEUED_BEYOND_SLOTS = 32
MOST_HELD = 4096  # far more than a cloud that keeps to the window pushes
MOST_MET = 100


class ListenerProtocol:
    """Frames, results and ticks in; commands out."""

    def __init__(self, wanted: Hello, *, concurrency: int, most: int | None = None, set_aside: bool = False) -> None:
        """`wanted` is what each connection's hello says; the session and what is held of it are filled in.

        At most `most` deliveries are forwarded, where it is given, each until it isn't tried again.
        """
        self.session_id: str | None = None
        self.given_up: list[Delivery] = []  # were queued, and never will be forwarded, since it was stopped
        self.gives_up_more = False  # which the cloud may have not pushed yet
        self._wanted = wanted
        self._slots = concurrency if most is None else min(concurrency, most)
        self._left = most
        self._begun: set[str] = set()  # those of `most` that aren't at their end
        self._sets_aside = set_aside
        self._aside: dict[str, Delivery] = {}
        self._queued: deque[Delivery] = deque()
        self._running: dict[str, Delivery] = {}
        self._void: set[str] = set()  # those that run for a session which has ended
        self._unsettled: dict[str, Result] = {}
        self._held: dict[str, None] = {}  # the ids of all four in the order of arrival, without the void
        self._failed: set[str] = set()  # those that wait for their next attempt, elsewhere
        self._met: deque[str] = deque(maxlen=MOST_MET)
        self._pulse: Pulse | None = None
        self._standstill: Standstill | None = None
        self._in_doubt = False  # whether the session may have ended while this end stood still
        self._welcomed = False
        self._stopping = False
        self._on_hold = False
        self._leaving = False

    @property
    def holding(self) -> Set[str]:
        """The deliveries that are set aside, queued, running or unsettled, in the order of their arrival."""
        return self._held.keys()

    @property
    def queued(self) -> int:
        """How many deliveries wait for their turn."""
        return len(self._queued)

    @property
    def has_all_it_takes(self) -> bool:
        """Whether the cloud has pushed as much as was asked for, and may have more."""
        return len(self._held) >= self._wanted.window

    @property
    def since_ms(self) -> int | None:
        """From when on a new session brings what came before it, if it does."""
        return self._wanted.since_ms

    def unheeded(self, welcome: Welcome) -> Sequence[str]:
        """Return which wishes the cloud is too old for."""
        return [name for name in wishes_in(self._wanted) if name not in welcome.heeds]

    @property
    def only_mine(self) -> bool:
        """Whether events of one origin alone are taken."""
        return self._wanted.only_origin is not None

    @property
    def running(self) -> int:
        """How many deliveries are being forwarded."""
        return len(self._running)

    @property
    def unsettled(self) -> int:
        """How many results the cloud hasn't made durable yet, as far as is known."""
        return len(self._unsettled)

    @property
    def waiting(self) -> int:
        """How many deliveries have failed and come again."""
        return len(self._failed)

    @property
    def wants_retries(self) -> bool:
        return self._wanted.retry_speed is not None

    def will_conclude(self, result: Result) -> bool:
        """Whether a `Concluded` is about to say what follows a failed attempt that has `finished`."""
        return self.wants_retries and self._welcomed and result.delivery_id in self._unsettled

    @property
    def full(self) -> bool:
        """Whether more is queued than was asked for: read nothing until something has finished."""
        return len(self._queued) > self._wanted.window

    def connected(self, now: float) -> Sequence[ListenerCommand]:
        """A connection is up: introduce ourselves."""
        self._pulse, self._standstill = Pulse(now), Standstill(now)
        self._welcomed = False
        return [Send(replace(self._wanted, session_id=self.session_id, holding=tuple(self._held)))]

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
        self._running.pop(result.delivery_id, None)
        commands: list[ListenerCommand] = []
        is_void = result.delivery_id in self._void
        if is_void:
            self._void.discard(result.delivery_id)
        else:
            self._unsettled[result.delivery_id] = result
            commands += [Send(result)] if self._welcomed else []
        if is_void or result.succeeded or not self.wants_retries:
            commands += self._count(result.delivery_id)
        return self._noted(commands + self._start(), now)

    def let_go(self, delivery_ids: Iterable[str], now: float) -> Sequence[ListenerCommand]:
        """Queue those of these that are set aside still, as if they came now."""
        self._turn(now)
        for delivery_id in delivery_ids:
            delivery = self._aside.pop(delivery_id, None)
            if delivery is not None:
                self._held[delivery_id] = self._held.pop(delivery_id)
                self._queued.append(delivery)
        return self._noted(self._start(), now)

    def hold(self) -> None:
        """Start nothing more until `release`."""
        self._on_hold = True

    def put_back(self, delivery_id: str) -> None:
        """Queue again what was started: its turn has not come yet."""
        delivery = self._running.pop(delivery_id)
        is_void = delivery_id in self._void
        if is_void or delivery.attempt == 1:
            self._begun.discard(delivery_id)
        if is_void:
            self._void.discard(delivery_id)
        elif self._stopping:
            self._held.pop(delivery_id)
            self._give_up(delivery)
        else:
            self._queued.append(delivery)

    def release(self, now: float) -> Sequence[ListenerCommand]:
        """Start what was held, the first to arrive first."""
        self._turn(now)
        self._on_hold = False
        place = {delivery_id: number for number, delivery_id in enumerate(self._held)}
        self._queued = deque(sorted(self._queued, key=lambda delivery: place[delivery.delivery_id]))
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
        self._stopping = True
        self.gives_up_more = self.has_all_it_takes
        for delivery in (*self._queued, *self._aside.values()):
            self._give_up(delivery)
        self._drop_queued()

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
            reason = f"it is too old for --wire {self._wanted.wire}: update it, or leave that out"
            return [HangUp(reason, retry=self.session_id is not None)]
        if self.session_id is not None and not welcome.resumed:
            # Another session answers for another set of deliveries: what the old one held was failed with it.
            self._drop_queued()
            self._unsettled.clear()
            self._void |= self._running.keys()
            self._held.clear()
            self._failed.clear()
            self._begun &= self._running.keys()
        self.session_id = welcome.session_id
        self._welcomed, self._in_doubt = True, False
        results = [Send(result) for result in self._unsettled.values()]
        strangers = tuple(who for who in welcome.others if who not in self._met)  # a later session has the same others
        self._met += strangers
        return [*results, Send(Bye())] if self._leaving else [Accepted(replace(welcome, others=strangers)), *results]

    def _take(self, delivery: Delivery) -> list[ListenerCommand]:
        known = self._unsettled.get(delivery.delivery_id)
        commands: list[ListenerCommand] = []
        if known is not None and known.attempt == delivery.attempt:
            return [Send(known)]
        if known is not None and known.attempt < delivery.attempt:  # so the one before is settled
            commands = self._settle(Settled((delivery.delivery_id,)))
        if delivery.delivery_id not in self._held and not self._stopping and len(self._held) < MOST_HELD:
            self._held[delivery.delivery_id] = None
            self._failed.discard(delivery.delivery_id)
            if self._sets_aside:
                self._aside[delivery.delivery_id] = delivery
                commands.append(SetAside(delivery))
            else:
                self._queued.append(delivery)
        return commands

    def _settle(self, settled: Settled) -> list[ListenerCommand]:
        """Forget results; what has none yet isn't meant, but an attempt before it."""
        commands: list[ListenerCommand] = []
        for delivery_id in settled.delivery_ids:
            result = self._unsettled.pop(delivery_id, None)
            if result is None:
                continue
            self._held.pop(delivery_id, None)
            if not result.succeeded and self.wants_retries:
                retry_at_ms = settled.retry_at_ms.get(delivery_id)
                commands.append(Concluded(delivery_id, retry_at_ms))
                if retry_at_ms is None:
                    commands += self._count(delivery_id)
                else:
                    self._failed.add(delivery_id)
        return commands

    def _count(self, delivery_id: str) -> list[ListenerCommand]:
        """A delivery is at its end, which may be enough."""
        if self._left is None:
            return []
        self._begun.discard(delivery_id)
        self._left -= 1
        self._slots = min(self._slots, self._left)
        return [] if self._left else [Enough()]

    def _start(self) -> list[ListenerCommand]:
        commands: list[ListenerCommand] = []
        if self._on_hold or self._in_doubt:
            return commands
        while len(self._running) < self._slots and (delivery := self._next()):
            self._running[delivery.delivery_id] = delivery
            commands.append(Forward(delivery))
        return commands

    def _next(self) -> Delivery | None:
        """Take the first that may be started: where `most` are begun, these alone, which come again."""
        if self._left is None:
            return self._queued.popleft() if self._queued else None
        for place, delivery in enumerate(self._queued):
            if delivery.delivery_id in self._begun or len(self._begun) < self._left:
                del self._queued[place]
                self._begun.add(delivery.delivery_id)
                return delivery
        return None

    def _give_up(self, delivery: Delivery) -> None:
        if delivery.attempt == 1:
            self.given_up.append(delivery)
        else:
            self._failed.add(delivery.delivery_id)

    def _drop_queued(self) -> None:
        for delivery in (*self._queued, *self._aside.values()):
            del self._held[delivery.delivery_id]
        self._queued.clear()
        self._aside.clear()

    def _noted(self, commands: list[ListenerCommand], now: float) -> list[ListenerCommand]:
        if self._pulse and Send in map(type, commands):
            self._pulse.said(now)
        return commands
