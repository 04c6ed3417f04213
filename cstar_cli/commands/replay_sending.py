"""One recorded delivery: signed anew, posted, its answer compared."""

from dataclasses import dataclass, field

import msgspec

from cstar_cli.clock import now_ms
from cstar_cli.commands.other_secrets import known_secrets
from cstar_cli.commands.replaying import NOBODY_THERE, Replayed
from cstar_cli.protocol.frames import Result
from cstar_cli.recording.comparing import Difference, Rules, Unfound, compare
from cstar_cli.recording.format import Delivery
from cstar_cli.recording.redacting import Answered, Redactor
from cstar_cli.recording.resending import Again, How, Resender
from cstar_cli.recording.scrubbing import secret_values
from cstar_cli.sender.answer import BODY_LIMIT
from cstar_cli.sender.client import Sender
from cstar_cli.sender.outcome import Outcome
from cstar_cli.sender.target import Target
from cstar_cli.tunnel.hints import Hints
from cstar_cli.tunnel.refusals import Refusals


class Comparing(msgspec.Struct, frozen=True):
    """How answers are compared with the recorded ones; `unfound` keeps what is ignored in vain."""

    redactor: Redactor
    rules: Rules
    unfound: Unfound

    def differences(self, recorded: Delivery, sent: Again, outcome: Outcome) -> tuple[Difference, ...] | None:
        """Return them; None where the recording has no answer, or nobody was there to give one."""
        if recorded.answer is None or outcome.failure in NOBODY_THERE:
            return None
        body = outcome.body
        for now, then in ((sent.event_id, recorded.event_id), (sent.delivery_id, recorded.delivery_id)):
            body = body.replace(now.encode(), then.encode())  # fresh ids are no difference
        answered = Answered(
            status=outcome.status,
            duration_ms=outcome.duration_ms,
            error=outcome.error,
            headers=outcome.headers,
            body=body,
            cut=len(outcome.body) >= BODY_LIMIT,
        )
        now_answered = self.redactor.answered(answered, own=secret_values(sent.headers))
        for answer in (recorded.answer, now_answered):
            self.unfound.look_in(answer)
        return compare(recorded.answer, now_answered, self.rules)


@dataclass(frozen=True, slots=True)
class Sending:
    """Sends them, one at a call."""

    target: Target
    how: How
    sender: Sender
    timeout_s: float | None
    comparing: Comparing | None
    hints: Hints
    _refusals: Refusals = field(default_factory=lambda: Refusals(known_secrets))
    _resender: Resender = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_resender", Resender(self.how, now_ms))

    async def send(self, recorded: Delivery) -> Replayed:
        """Post a delivery, and return what came of it."""
        sent = self._resender.again(recorded)
        started_at_ms = now_ms()
        outcome = await self.sender.post(self.target, sent.headers, sent.body, self.timeout_s)
        differences = None if self.comparing is None else self.comparing.differences(recorded, sent, outcome)
        hint = None if outcome.succeeded else await self._hint(recorded, sent, outcome)
        return Replayed(recorded, sent, started_at_ms, outcome, differences, hint)

    async def _hint(self, recorded: Delivery, sent: Again, outcome: Outcome) -> str | None:
        hint = await self.hints.after(self.target, outcome)
        if hint is not None or outcome.status is None:
            return hint
        result = Result(
            delivery_id=sent.delivery_id,
            attempt=recorded.attempt,
            succeeded=False,
            status=outcome.status,
            error=outcome.error,
            started_at_ms=0,
            duration_ms=outcome.duration_ms,
            request_headers=sent.headers,
            response_headers=outcome.headers,
            body=outcome.body,
        )
        return self._refusals.hint(result, sent.body, self.how.secret)
