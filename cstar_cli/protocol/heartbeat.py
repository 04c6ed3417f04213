"""Liveness, the same for both ends: say something every `HEARTBEAT_S`, give up on a peer silent for `DEAD_AFTER_S`."""

from cstar_cli.protocol.commands import HangUp, Send
from cstar_cli.protocol.frames import DEAD_AFTER_S, HEARTBEAT_S, Heartbeat


class Pulse:
    """When either side was last heard, in seconds of a monotonic clock."""

    __slots__ = ("_heard", "_said")

    def __init__(self, now: float) -> None:
        self._heard = now
        self._said = now

    def heard(self, now: float) -> None:
        self._heard = now

    def said(self, now: float) -> None:
        self._said = now

    def tick(self, now: float) -> list[Send | HangUp]:
        if now - self._heard >= DEAD_AFTER_S:
            return [HangUp(f"nothing heard for {DEAD_AFTER_S:.0f} s")]
        if now - self._said >= HEARTBEAT_S:
            self._said = now
            return [Send(Heartbeat())]
        return []
