"""How `listen` forwards: how long it waits for an answer, how many it has in flight, how many altogether, how often."""

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from cstar_cli.commands.given import Context, on_command_line
from cstar_cli.errors import UsageError
from cstar_cli.tunnel.limits import MOST_TIMEOUT_S

if TYPE_CHECKING:
    from cstar_cli.tunnel.chaos import Chaos


class OnDown(StrEnum):
    """What becomes of events while nothing listens where they go."""

    HOLD = "hold"
    FAIL = "fail"


class Pace(msgspec.Struct, frozen=True):
    """`timeout_s` is for one whole exchange, None for no limit; `concurrency` is how many there may be at once.

    `most` is after how many it ends; `chaos` is what deliveries go through on the way.
    """

    timeout_s: float | None = 10.0
    concurrency: int = 32
    most: int | None = None
    chaos: "Chaos | None" = None

    def for_route(self, name: str, timeout_s: float | None, concurrency: int | None) -> "Pace":
        """Return it with what a route says, if anything; at a breakpoint no file has a say."""
        own = self if self.chaos is None else replace(self, chaos=self.chaos.for_route(name))
        if self.timeout_s is None:
            return own
        return replace(own, timeout_s=timeout_s or self.timeout_s, concurrency=concurrency or self.concurrency)


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


def with_chaos(pace: Pace, context: Context, text: str | None, seed: int | None) -> Pace:
    """Return the pace with what --chaos and --seed ask for."""
    if text is None and seed is None:
        return pace
    from cstar_cli.commands.chaos_spec import chaos_of  # late: most runs have none

    return replace(pace, chaos=chaos_of(context, text, seed))
