"""Standing still: a laptop that sleeps, a process that is stopped, gets no turn, and its peer gives it up."""

from cstar_cli.protocol.frames import DEAD_AFTER_S


class Standstill:
    """How long there was no turn on a connection, in seconds of a monotonic clock; ticks give one each second."""

    __slots__ = ("_lasted_s", "next_by")

    def __init__(self, now: float) -> None:
        self.next_by = now + DEAD_AFTER_S  # with no turn up to then, it stands still
        self._lasted_s = 0.0

    def turn(self, now: float) -> float:
        """Note the time; return how long the standstill was for which a peer gives up, 0 where there was none."""
        if now > self.next_by:
            self._lasted_s = now - self.next_by + DEAD_AFTER_S
        self.next_by = now + DEAD_AFTER_S
        return self._lasted_s
