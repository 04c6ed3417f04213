"""One delivery: sign, post, result."""

from collections.abc import Callable
from dataclasses import dataclass

from cstar_cli.activity import Forwarded
from cstar_cli.protocol.frames import Delivery, Headers, Result
from cstar_cli.sender.client import Sender
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.posting import Cancelable, Spawn
from cstar_cli.sender.target import Target
from cstar_cli.tunnel.headers import delivery_headers
from cstar_cli.tunnel.loopback import hint_when_refused

MOST_ERROR_CHARS = 1000

Done = Callable[[Result, Forwarded], None]


@dataclass(frozen=True, slots=True)
class Forwarder:
    """Posts deliveries to the local URL. `timeout_s` is for the whole exchange; `now_ms` is the wall clock."""

    target: Target
    secret: str
    headers: Headers
    timeout_s: float
    sender: Sender
    now_ms: Callable[[], int]

    def forward(self, delivery: Delivery, done: Done, spawn: Spawn) -> Cancelable:
        """Post a delivery; `done` gets, later, what the cloud gets to know, and what the user does."""
        headers = delivery_headers(delivery, self.secret, self.headers)
        started_at_ms = self.now_ms()

        def tell(outcome: Outcome, hint: str | None = None) -> None:
            result = _result(delivery, headers, outcome, started_at_ms)
            done(result, self._shown(delivery, result, hint))

        async def tell_with_hint(outcome: Outcome) -> None:
            tell(outcome, await hint_when_refused(self.target))

        def ended(outcome: Outcome) -> None:
            if outcome.failure is Failure.REFUSED:
                spawn(tell_with_hint(outcome))
            else:
                tell(outcome)

        return self.sender.begin(self.target, headers, delivery.body, self.timeout_s, done=ended, spawn=spawn)

    def _shown(self, delivery: Delivery, result: Result, hint: str | None) -> Forwarded:
        return Forwarded(
            time_ms=result.started_at_ms,
            event_id=delivery.event_id,
            event_type=delivery.event_type,
            delivery_id=delivery.delivery_id,
            attempt=delivery.attempt,
            url=self.target.url,
            status=result.status,
            duration_ms=result.duration_ms,
            outcome="succeeded" if result.succeeded else "failed",
            error=result.error,
            response_body=result.body,
            hint=hint,
        )


def _result(delivery: Delivery, headers: Headers, outcome: Outcome, started_at_ms: int) -> Result:
    return Result(
        delivery_id=delivery.delivery_id,
        attempt=delivery.attempt,
        succeeded=outcome.succeeded,
        status=outcome.status,
        error=outcome.error and outcome.error[:MOST_ERROR_CHARS],
        started_at_ms=started_at_ms,
        duration_ms=round(outcome.duration_ms, 2),
        request_headers=headers,
        response_headers=outcome.headers,
        body=outcome.body,
    )
