"""What a replay has come to so far: shown as it happens, summed up, judged."""

from collections import Counter
from functools import cached_property

import msgspec

from cstar_cli.activity import Forwarded, Notice
from cstar_cli.commands.replaying import NOBODY_THERE, Replayed
from cstar_cli.errors import CstarError, ExpectationNotMet
from cstar_cli.recording.comparing import WHATS
from cstar_cli.recording.format import Delivery, body_of
from cstar_cli.render import replays
from cstar_cli.render.console import Console, lines_renderer, open_console

_LISTENS_ERROR_CHARS = 1000


class Shown(msgspec.Struct, frozen=True):
    """How what happens is shown."""

    json: bool
    quiet: bool
    no_color: bool


class Account:
    """Follows one replay of so many deliveries to a URL."""

    def __init__(self, shown: Shown, total: int, url: str, *, compares: bool) -> None:
        self._shown = shown
        self._total = total
        self._url = url
        self._compares = compares
        self._by_type: dict[str, Counter[str]] = {}
        self._succeeded = 0
        self._failed = 0
        self._went_worse = 0
        self._differing = 0
        self._uncompared = 0
        self._is_nobody_there = False

    @cached_property
    def _console(self) -> Console:
        return open_console(no_color=self._shown.no_color)

    @property
    def answered(self) -> int:
        """How many were sent to somebody."""
        return self._succeeded + self._failed

    def tell(self, notice: str) -> None:
        """Tell the user something beside."""
        lines_renderer(self._console)(Notice(notice))

    def take(self, replayed: Replayed) -> None:
        """Count and show what came of one."""
        if replayed.outcome.failure in NOBODY_THERE:
            if self._is_nobody_there:  # all that are in flight then come to the same
                return
            self._is_nobody_there = True
        else:
            self._succeeded += replayed.outcome.succeeded
            self._failed += not replayed.outcome.succeeded
            self._went_worse += replayed.went_worse
            self._compared(replayed)
        if not self._shown.quiet or replayed.differences or not replayed.outcome.succeeded:
            self._show(replayed)

    def sum_up(self) -> None:
        """Show what all of it has come to."""
        console, counts = self._console, sum(self._by_type.values(), Counter[str]())
        if self._shown.json:
            told = {"deliveries": self._total, "sent": self.answered}
            told |= {"succeeded": self._succeeded, "failed": self._failed}
            if self._compares:
                told |= {name: counts[name] for name in ("compared", "same", *WHATS)}
            console.out.raw_line(msgspec.json.encode({"type": "summary", **told}))
        elif self._compares:
            replays.summary_table(self._by_type, console.out)
        told_same = f" {counts['same']} of {counts['compared']} answered as in the recording." if counts else ""
        console.err.line(
            f"Replayed {self.answered} of {self._total}: {self._succeeded} succeeded, {self._failed} failed.{told_same}"
        )
        if self._uncompared:
            self.tell(f"{deliveries(self._uncompared)} had no answer in the recording, and nothing to compare with.")

    def judge(self) -> None:
        """Raise the CstarError that says what it should have come to, if it hasn't."""
        if self._differing:
            counts = sum(self._by_type.values(), Counter[str]())
            told = ", ".join(f"{what} {counts[what]}" for what in WHATS if counts[what])
            compared = counts["compared"]
            verb = "differs" if self._differing == 1 else "differ"
            raise ExpectationNotMet(f"{self._differing} of {deliveries(compared)} {verb} from the recording: {told}.")
        if self._went_worse and not self._compares:
            raise CstarError(f"{deliveries(self._went_worse)} failed, and not so in the recording.")

    def _compared(self, replayed: Replayed) -> None:
        if replayed.differences is None:
            self._uncompared += self._compares
            return
        counts = self._by_type.setdefault(replayed.recorded.event_type, Counter())
        counts["compared"] += 1
        counts["same"] += not replayed.differences
        counts.update(difference.what for difference in replayed.differences)
        self._differing += bool(replayed.differences)

    def _show(self, replayed: Replayed) -> None:
        out, forwarded = self._console.out, _forwarded_now(replayed, self._url)
        if self._shown.json:
            out.raw_line(replays.line_of_json(forwarded, replayed.recorded, replayed.differences))
        else:
            for line in replays.lines(forwarded, replayed.differences or (), out.look):
                out.line(line)


def forwarded_then(recorded: Delivery, at_ms: int) -> Forwarded:
    """Return what `listen` has shown of it."""
    answer = recorded.answer
    return Forwarded(
        time_ms=at_ms,
        event_id=recorded.event_id,
        event_type=recorded.event_type,
        delivery_id=recorded.delivery_id,
        attempt=recorded.attempt,
        url=recorded.url,
        status=None if answer is None else answer.status,
        duration_ms=0 if answer is None else answer.duration_ms,
        outcome="succeeded" if answer is not None and answer.error is None else "failed",
        error="cut short, and never answered" if answer is None else answer.error,
        response_body=b"" if answer is None else body_of(answer),
        route=recorded.route,
    )


def _forwarded_now(replayed: Replayed, url: str) -> Forwarded:
    recorded, outcome = replayed.recorded, replayed.outcome
    return Forwarded(
        time_ms=replayed.started_at_ms,
        event_id=replayed.sent.event_id,
        event_type=recorded.event_type,
        delivery_id=replayed.sent.delivery_id,
        attempt=recorded.attempt,
        url=url,
        status=outcome.status,
        duration_ms=round(outcome.duration_ms, 2),
        outcome="succeeded" if outcome.succeeded else "failed",
        error=outcome.error and outcome.error[:_LISTENS_ERROR_CHARS],
        response_body=outcome.body,
        hint=replayed.hint,
        route=recorded.route,
    )


def deliveries(count: int) -> str:
    """Return how many, in words."""
    return "1 delivery" if count == 1 else f"{count} deliveries"
