"""The cloud's end of one tunnel: which deliveries the listener has, and how much more it may get.

The window bounds what is pushed and unsettled, in deliveries (the listener's choice) and in bytes (ours), so a slow
listener costs the cloud no memory. Each pushed delivery is leased to the listener for `LEASE_S`: without a result it
is held no longer and pushed again like any other, and the listener recognises the repeat.
"""

from collections.abc import Iterable, Sequence, Set

from cstar_cli.protocol.commands import End, HangUp, Open, Refill, RelayCommand, Send, Settle
from cstar_cli.protocol.frames import (
    MAX_MESSAGE_BYTES,
    Bye,
    Delivery,
    Frame,
    Hello,
    Refused,
    Result,
    Settled,
    Welcome,
)
from cstar_cli.protocol.heartbeat import Pulse

LEASE_S = 60.0
MAX_WINDOW = 1024
MAX_UNSETTLED_BYTES = MAX_MESSAGE_BYTES


class RelayProtocol:
    """Frames, deliveries and ticks in; commands out."""

    def __init__(self, now: float) -> None:
        self._pulse = Pulse(now)
        self._window = 0
        self._said_hello = False
        self._leases: dict[str, float] = {}
        self._sizes: dict[str, int] = {}
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
            self._lease(delivery_id, 0, now)
        return self._say([Send(welcome)], now)

    def push(self, deliveries: Iterable[Delivery], now: float) -> Sequence[RelayCommand]:
        """These deliveries are due: send and lease them."""
        commands: list[RelayCommand] = []
        for delivery in deliveries:
            self._lease(delivery.delivery_id, len(delivery.body), now)
            commands.append(Send(delivery))
        return self._say(commands, now)

    def settled(self, delivery_ids: Iterable[str], now: float) -> Sequence[RelayCommand]:
        """The results of these deliveries are durable: say so, and make room."""
        ids = tuple(delivery_ids)
        self._release(ids)
        return self._say([Send(Settled(ids))] if ids else [], now)

    def tick(self, now: float) -> Sequence[RelayCommand]:
        """Time has passed; call it about once a second."""
        late = [delivery_id for delivery_id, until in self._leases.items() if until <= now]
        self._release(late)
        return [*self._pulse.tick(now), *([Refill()] if late else [])]

    def _lease(self, delivery_id: str, size: int, now: float) -> None:
        self._leases[delivery_id] = now + LEASE_S
        self._unsettled_bytes += size - self._sizes.get(delivery_id, 0)
        self._sizes[delivery_id] = size

    def _release(self, delivery_ids: Iterable[str]) -> None:
        for delivery_id in delivery_ids:
            self._leases.pop(delivery_id, None)
            self._unsettled_bytes -= self._sizes.pop(delivery_id, 0)

    def _say(self, commands: list[RelayCommand], now: float) -> list[RelayCommand]:
        if commands:
            self._pulse.said(now)
        return commands
