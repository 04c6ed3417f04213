"""The course of one `listen`: when it is ready, when it ends by itself, and with which exit code."""

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec.structs import replace

from cstar_cli.activity import Activity, Ready, Reconnected, Summary
from cstar_cli.commands.durations import seconds
from cstar_cli.commands.ready_file import ReadyFile
from cstar_cli.errors import CloudUnreachable, CstarError, ExitCode, ExpectationNotMet, UsageError

LONGEST = "365d"


class Limits(msgspec.Struct, frozen=True):
    """After how many events, and after how long it ends; `for_text` is the time as it was written."""

    most: int | None = None
    for_s: float | None = None
    for_text: str = ""


def limits_of(most: int | None, for_text: str | None, *, once: bool) -> Limits:
    """Return what the options ask for."""
    if once and most not in (None, 1):
        raise UsageError(f"--once and --max {most} go against each other: leave one of them out.")
    for_s = None if for_text is None else seconds("--for", for_text, "1ms", LONGEST)
    return Limits(1 if once else most, for_s, for_text or "")


class Course:
    """Follows one listener from its start to its exit code.

    `stop`, of `begin`, is to end it and to tell whether nothing else did before.
    """

    def __init__(self, limits: Limits, ready_file: ReadyFile) -> None:
        self._limits = limits
        self._ready_file = ready_file
        self._ready: Ready | None = None
        self._stop: Callable[[], bool] = lambda: False
        self._timer: asyncio.TimerHandle | None = None
        self._ended_by: Literal["events", "time", "signal"] = "events"

    def begin(self, stop: Callable[[], bool]) -> None:
        """It runs: the cloud has as much time to answer as events have to come."""
        self._stop = stop
        self._start_timer()

    def note(self, activity: Activity) -> None:
        """Note what happened: the time counts from when it is ready."""
        match activity:
            case Ready():
                self._ready = activity
                self._start_timer()
                self._announce(activity)
            case Reconnected(session_id=session_id, routes=routes) if self._ready is not None:
                self._announce(replace(self._ready, session_id=session_id, routes=routes))
            case _:
                pass

    def interrupted(self) -> None:
        """A signal ends it, whatever else does."""
        self._ended_by = "signal"

    def exit_code(self, summary: Summary) -> ExitCode:
        """Return what it came to. Raises the CstarError that says what it should have come to."""
        if self._ended_by == "signal":
            return ExitCode.INTERRUPTED
        if self._ended_by == "time" and self._ready is None:
            raise CloudUnreachable(
                f"No cloud answered within {self._limits.for_text}: cstar cloud status looks for one."
            )
        if self._limits.most is None:
            return ExitCode.DONE
        forwarded, failed = summary.forwarded - summary.retried, summary.failed - summary.retried
        if forwarded < self._limits.most:
            asked = _events(self._limits.most)
            raise ExpectationNotMet(f"Forwarded {forwarded} of {asked} within {self._limits.for_text}.")
        if failed:
            raise CstarError(f"{failed} of {_events(forwarded)} failed.")
        if summary.chaos is not None and summary.chaos.duplicates_failed:
            raise CstarError(f"{summary.chaos.duplicates_failed} of {_duplicates(summary.chaos.duplicated)} failed.")
        return ExitCode.DONE

    def _announce(self, ready: Ready) -> None:
        if ready.routes:
            told = [
                {"name": each.name, "session_id": each.session_id, "forward_to": each.forward_to}
                for each in ready.routes
            ]
            self._ready_file.write({"routes": told})
        else:
            self._ready_file.write({"session_id": ready.session_id, "forward_to": ready.forward_to})

    def _start_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._limits.for_s is not None:
            self._timer = asyncio.get_running_loop().call_later(self._limits.for_s, self._time_is_up)

    def _time_is_up(self) -> None:
        if self._stop():
            self._ended_by = "time"


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"


def _duplicates(count: int) -> str:
    return "1 duplicate" if count == 1 else f"{count} duplicates"
