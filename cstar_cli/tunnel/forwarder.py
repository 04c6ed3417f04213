"""One delivery: sign, post, result."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from cstar_cli.activity import Forwarded
from cstar_cli.events.wires.wire import Sending, Wire
from cstar_cli.protocol.frames import Delivery, Headers, Result
from cstar_cli.sender.client import Sender
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.posting import Cancelable, Spawn
from cstar_cli.sender.target import Target
from cstar_cli.tunnel.headers import delivery_headers
from cstar_cli.tunnel.hints import Hints

if TYPE_CHECKING:
    from cstar_cli.suspicions.answers import OtherSecrets
    from cstar_cli.tunnel.refusals import Refusals

MOST_ERROR_CHARS = 1000
_REFUSED: Final = Failure.REFUSED  # by its own name, since Python 3.11 looks up members slowly
HTTP_BAD_REQUEST = 400  # which may mean that TLS is spoken there
REFUSALS = frozenset((HTTP_BAD_REQUEST, 401, 403))

Unanswered = Literal["refused", "broken"]
"""Why there is no answer at all: nothing took the connection, or it was closed before one."""

Done = Callable[[Result, Forwarded, Unanswered | None], None]


class Forwarder(msgspec.Struct, frozen=True):
    """Posts deliveries to the local URL.

    `version` is how they are signed and headed; `timeout_s` is for the whole exchange, None for no limit; `now_ms` is
    the wall clock. `other_secrets` are those that the application may have in place of the right one.
    """

    target: Target
    version: Wire
    secret: str
    headers: Headers
    timeout_s: float | None
    sender: Sender
    now_ms: Callable[[], int]
    hints: Hints = msgspec.field(default_factory=Hints)
    other_secrets: "Callable[[], OtherSecrets] | None" = None
    _refusals: "list[Refusals]" = msgspec.field(default_factory=list)  # one, once something was refused

    def forward(self, delivery: Delivery, session_id: str, done: Done, spawn: Spawn) -> Cancelable:
        """Post a session's delivery; `done` gets, later, what the cloud gets to know, and what the user does."""
        at_ms = self.now_ms()
        event_id, event_type, body = delivery.event_id, delivery.event_type, delivery.body
        sending = Sending(event_id, event_type, delivery.delivery_id, session_id, delivery.attempt, at_ms, body)
        headers = delivery_headers(self.version, sending, self.secret, self.headers)
        # Not closures: making and dropping those takes longer.
        ended = partial(self._ended, _Begun(delivery, headers, at_ms), done, spawn)
        return self.sender.begin(self.target, headers, delivery.body, self.timeout_s, done=ended, spawn=spawn)

    def _ended(self, begun: "_Begun", done: Done, spawn: Spawn, outcome: Outcome) -> None:
        failure = outcome.failure
        if (failure is None or failure is _REFUSED) and outcome.status != HTTP_BAD_REQUEST:
            self._tell(begun, done, outcome, None)  # of what refuses, the listener tells
        else:
            spawn(self._tell_with_hint(begun, done, outcome))

    async def _tell_with_hint(self, begun: "_Begun", done: Done, outcome: Outcome) -> None:
        self._tell(begun, done, outcome, await self.hints.after(self.target, outcome))

    def _tell(self, begun: "_Begun", done: Done, outcome: Outcome, hint: str | None) -> None:
        result = _result(begun, outcome)
        shown = self._shown(begun.delivery, result, hint)
        done(result, shown, None if outcome.failure is None else _unanswered(outcome))

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
            hint=self._cause(delivery, result) if hint is None and result.status in REFUSALS else hint,
        )

    def _cause(self, delivery: Delivery, result: Result) -> str | None:
        """Return why the application may have refused it, where that was not told yet."""
        if not self._refusals:
            from cstar_cli.suspicions.answers import no_others  # late: most runs need none of it
            from cstar_cli.tunnel.refusals import Refusals

            self._refusals.append(Refusals(self.other_secrets or no_others))
        return self._refusals[0].hint(result, delivery.body, self.secret)


class _Begun(msgspec.Struct, frozen=True, gc=False):
    """A delivery that is being posted."""

    delivery: Delivery
    headers: Headers
    started_at_ms: int


def _unanswered(outcome: Outcome) -> Unanswered | None:
    if outcome.failure is Failure.REFUSED:
        return "refused"
    return "broken" if outcome.failure is Failure.RESET and outcome.status is None else None


def _result(begun: _Begun, outcome: Outcome) -> Result:
    error = outcome.error
    return Result(
        delivery_id=begun.delivery.delivery_id,
        attempt=begun.delivery.attempt,
        succeeded=error is None,
        status=outcome.status,
        error=error and error[:MOST_ERROR_CHARS],
        started_at_ms=begun.started_at_ms,
        duration_ms=round(outcome.duration_ms, 2),
        request_headers=begun.headers,
        response_headers=outcome.headers,
        body=outcome.body,
    )
