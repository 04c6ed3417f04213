"""What the state machines ask of their owners."""

from dataclasses import dataclass

from cstar_cli.protocol.frames import Delivery, Frame, Hello, Result


@dataclass(frozen=True, slots=True)
class Send:
    """Send this frame, after those before it; neighbours may share a message."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection; come back only with `retry`."""

    reason: str
    retry: bool = True


@dataclass(frozen=True, slots=True)
class Accepted:
    """Listener: the session stands. `waiting` deliveries were made while away."""

    session_id: str
    resumed: bool
    waiting: int


@dataclass(frozen=True, slots=True)
class Forward:
    """Listener: post this delivery to the local URL now and answer with `finished`."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Open:
    """Relay: open or resume the session that the hello asks for and answer with `accepted`."""

    hello: Hello


@dataclass(frozen=True, slots=True)
class Settle:
    """Relay: make this result durable and answer with `settled`."""

    result: Result


@dataclass(frozen=True, slots=True)
class Refill:
    """Relay: leases have run out, and what they held may be pushed again: look for what is due."""


@dataclass(frozen=True, slots=True)
class End:
    """Relay: the listener has ended its session."""


ListenerCommand = Send | HangUp | Accepted | Forward
RelayCommand = Send | HangUp | Open | Settle | Refill | End
