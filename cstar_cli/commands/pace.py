"""How `listen` forwards: how long it waits for an answer, how many it has in flight, how many altogether, how often."""

from enum import StrEnum

import msgspec

from cstar_cli.commands.given import Context, on_command_line
from cstar_cli.errors import UsageError
from cstar_cli.tunnel.limits import MOST_TIMEOUT_S


class OnDown(StrEnum):
    """What becomes of events while nothing listens where they go."""

    HOLD = "hold"
    FAIL = "fail"


class Pace(msgspec.Struct, frozen=True):
    """`timeout_s` is for one whole exchange, None for no limit; `concurrency` is how many there may be at once.

    `most` is after how many it ends.
    """

    timeout_s: float | None = 10.0
    concurrency: int = 32
    most: int | None = None

    def for_route(self, timeout_s: float | None, concurrency: int | None) -> "Pace":
        """Return it with what a route says, if anything; at a breakpoint no file has a say."""
        if self.timeout_s is None:
            return self
        return Pace(timeout_s or self.timeout_s, concurrency or self.concurrency)


def pace_of(context: Context, timeout_s: float, concurrency: int, most: int | None = None, *, debug_wait: bool) -> Pace:
    """Return the pace that the options ask for; a breakpoint waits for as long as it takes, and for one event."""
    if not timeout_s <= MOST_TIMEOUT_S:
        raise UsageError(f"--timeout {timeout_s} is not a number of seconds up to {MOST_TIMEOUT_S}.")
    if not debug_wait:
        return Pace(timeout_s, concurrency, most)
    if on_command_line(context, "timeout"):
        raise UsageError("--debug-wait has no timeout: leave out --timeout, or --debug-wait.")
    if on_command_line(context, "concurrency") and concurrency != 1:
        raise UsageError("--debug-wait has one event in flight: leave out --concurrency, or --debug-wait.")
    return Pace(None, 1, most)


def retry_speed_of(speed: float | None, *, retry: bool) -> float | None:
    """Return how many times faster than production what fails is tried again; None for never."""
    if speed is not None and not speed >= 1:
        raise UsageError(f"--retry-speed {speed} is not a number from 1 to 3600.")
    return 1.0 if retry and speed is None else speed
