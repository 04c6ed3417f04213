"""The cloud's end of one tunnel: which deliveries the listener has, and how much more it may get.

The window bounds what is pushed and unsettled, in deliveries (the listener's choice) and in bytes (ours), so a slow
listener costs the cloud no memory. Each pushed delivery is leased to the listener for `LEASE_S`: without a result it
is held no longer and pushed again like any other, and the listener recognises the repeat.

A delivery may be pushed once for each of its attempts. The result of an earlier one than the listener has, told twice,
says nothing about the one it has.
"""

from collections.abc import Iterable, Mapping, Sequence, Set

import msgspec

from cstar_cli.protocol.commands import End, HangUp, Open, Refill, RelayCommand, Send, Settle
from cstar_cli.protocol.frames import (
    MAX_MESSAGE_BYTES,
    Bye,
    Delivery,
    Frame,
    Hello,
    Joined,
    Refused,
    Result,
    Settled,
    Welcome,
)
from cstar_cli.protocol.heartbeat import Pulse

LEASE_S = 60.0
MAX_WINDOW = 1024
MAX_UNSETTLED_BYTES = MAX_MESSAGE_BYTES

_NO_RETRIES: Mapping[str, int] = {}


class _Lease(msgspec.Struct, frozen=True, gc=False):
    """What the listener has: which attempt of a delivery (0: we can't know), of what size, until when."""

    attempt: int
    size: int
    until: float


class RelayProtocol:
    """Frames, deliveries and ticks in; commands out."""

    def __init__(self, now: float) -> None:
        self._pulse = Pulse(now)
        self._window = 0
        self._said_hello = False
        self._leases: dict[str, _Lease] = {}
        self._unsettled_bytes = 0

    @property
    def room(self) -> int:
        """How many more deliveries may be pushed now."""
        if self._unsettled_bytes >= MAX_UNSETTLED_BYTES:
            return 0
        return max(0, self._window - len(self._leases))

    @property
    def held(self) -> Set[str]:
        """The deliveries that the listener has and hasn't settled."""
        return self._leases.keys()

    def has_later(self, delivery_id: str, attempt: int) -> bool:
        """Whether the listener has a later attempt of the delivery than this."""
        lease = self._leases.get(delivery_id)
        return lease is not None and lease.attempt > attempt

    def received(self, frames: Iterable[Frame], now: float) -> Sequence[RelayCommand]:
        """The listener has said something."""
        self._pulse.heard(now)
        commands: list[RelayCommand] = []
        for frame in frames:
            match frame:
                case Hello() if not self._said_hello:
                    self._said_hello = True
                    self._window = min(max(1, frame.window), MAX_WINDOW)
                    commands.append(Open(frame))
                case _ if not self._said_hello:
                    return [Send(Refused("say hello first", retry=False)), HangUp("no hello", retry=False)]
                case Result():
                    commands.append(Settle(frame))
                case Bye():
                    commands.append(End())
                case _:
                    pass
        return commands

    def accepted(self, welcome: Welcome, holding: Iterable[str], now: float) -> Sequence[RelayCommand]:
        """The session stands; the listener still holds some deliveries of an earlier connection."""
        for delivery_id in holding:
            self._lease(delivery_id, _Lease(0, 0, now + LEASE_S))
        return self._say([Send(welcome)], now)

    def joined(self, newcomers: Iterable[str], now: float) -> Sequence[RelayCommand]:
        """Other listeners have come that take some of the same events."""
        return self._say([Send(Joined(who)) for who in newcomers], now)

    def push(self, deliveries: Iterable[Delivery], now: float) -> Sequence[RelayCommand]:
        """These deliveries are due: send and lease them."""
        commands: list[RelayCommand] = []
        for delivery in deliveries:
            self._lease(delivery.delivery_id, _Lease(delivery.attempt, len(delivery.body), now + LEASE_S))
            commands.append(Send(delivery))
        return self._say(commands, now)

    def settled(
        self, delivery_ids: Iterable[str], now: float, retry_at_ms: Mapping[str, int] = _NO_RETRIES
    ) -> Sequence[RelayCommand]:
        """The results of these deliveries are durable: say so, and when some are tried again, and make room."""
        ids = tuple(delivery_ids)
        self._release(ids)
        return self._say([Send(Settled(ids, dict(retry_at_ms)))] if ids else [], now)

    def unread(self, now: float) -> None:
        """Nobody reads what the listener says: as far as we know, it says something."""
        self._pulse.heard(now)

    def tick(self, now: float) -> Sequence[RelayCommand]:
        """Time has passed; call it about once a second."""
        late = [delivery_id for delivery_id, lease in self._leases.items() if lease.until <= now]
        self._release(late)
        return [*self._pulse.tick(now), *([Refill()] if late else [])]

    def _lease(self, delivery_id: str, lease: _Lease) -> None:
        self._release([delivery_id])
        self._leases[delivery_id] = lease
        self._unsettled_bytes += lease.size

    def _release(self, delivery_ids: Iterable[str]) -> None:
        for delivery_id in delivery_ids:
            lease = self._leases.pop(delivery_id, None)
            if lease is not None:
                self._unsettled_bytes -= lease.size

    def _say(self, commands: list[RelayCommand], now: float) -> list[RelayCommand]:
        if commands:
            self._pulse.said(now)
        return commands
