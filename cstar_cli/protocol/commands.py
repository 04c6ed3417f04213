"""What the state machines ask of their owners."""

import msgspec

from cstar_cli.protocol.frames import Delivery, Frame, Hello, Result, Welcome


class Send(msgspec.Struct, frozen=True, gc=False):
    """Send this frame, after those before it; neighbours may share a message."""

    frame: Frame


class HangUp(msgspec.Struct, frozen=True):
    """Close the connection; come back only with `retry`."""

    reason: str
    retry: bool = True


class Accepted(msgspec.Struct, frozen=True):
    """Listener: the session stands, as the cloud says."""

    welcome: Welcome


class Concluded(msgspec.Struct, frozen=True):
    """Listener: a failed attempt is durable, and the delivery comes again at that time, or not at all."""

    delivery_id: str
    retry_at_ms: int | None


class Meet(msgspec.Struct, frozen=True):
    """Listener: another one has come, by its name or URL, that takes some of the same events."""

    who: str


class Forward(msgspec.Struct, frozen=True, gc=False):
    """Listener: post this delivery to the local URL now and answer with `finished`."""

    delivery: Delivery


class SetAside(msgspec.Struct, frozen=True):
    """Listener: this delivery has come, and waits for `let_go`."""

    delivery: Delivery


class Enough(msgspec.Struct, frozen=True):
    """Listener: as many have been forwarded as were asked for: stop."""


class Open(msgspec.Struct, frozen=True):
    """Relay: open or resume the session that the hello asks for and answer with `accepted`."""

    hello: Hello


class Settle(msgspec.Struct, frozen=True):
    """Relay: make this result durable and answer with `settled`."""

    result: Result


class Refill(msgspec.Struct, frozen=True):
    """Relay: leases have run out, and what they held may be pushed again: look for what is due."""


class End(msgspec.Struct, frozen=True):
    """Relay: the listener has ended its session."""


ListenerCommand = Send | HangUp | Accepted | Concluded | Meet | Forward | SetAside | Enough
RelayCommand = Send | HangUp | Open | Settle | Refill | End
