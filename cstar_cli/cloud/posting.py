"""One attempt at a webhook: sign, post, outcome."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import lru_cache

from cstar_cli import signing
from cstar_cli.cloud import logs
from cstar_cli.cloud.store.records import AttemptOutcome, Headers
from cstar_cli.cloud.store.webhooks import Claim
from cstar_cli.errors import UsageError
from cstar_cli.events.wires import body_in, wire
from cstar_cli.events.wires.wire import Sending
from cstar_cli.sender.client import Sender
from cstar_cli.sender.outcome import Outcome
from cstar_cli.sender.posting import Cancelable, Spawn
from cstar_cli.sender.target import Target

USER_AGENT = "cStar-Webhooks/1.0"
MOST_ERROR_CHARS = 1000

_parsed = lru_cache(maxsize=4096)(Target.parse)


class Attempt:
    """A delivery being posted; `done` hears what came of it, even if it is one that can't be posted.

    It hears it once, unless it raises: then it hears of a failure without an answer.
    """

    __slots__ = ("_begun", "_done", "_headers", "_spawn", "claim", "started_at_ms")

    def __init__(
        self, claim: Claim, started_at_ms: int, done: "Callable[[Attempt, AttemptOutcome], None]", spawn: Spawn
    ) -> None:
        """`spawn` starts the task that it takes where no connection is kept."""
        self.claim = claim
        self.started_at_ms = started_at_ms
        self._done: Callable[[Attempt, AttemptOutcome], None] | None = done
        self._spawn = spawn
        self._headers: Headers = ()
        self._begun: Cancelable | None = None

    def begin(self, sender: Sender, timeout_s: float) -> None:
        """Sign it and post it."""
        claim = self.claim
        try:
            body = body_in(claim.wire, claim.body, claim.made_in)
            self._headers = webhook_headers(claim, body, self.started_at_ms)
            begun = sender.begin(
                _parsed(claim.url),
                self._headers,
                body,
                timeout_s,
                done=self._answered,
                spawn=self._spawn_guarded,
            )
        except UsageError as error:
            self._end(unanswered(claim, self.started_at_ms, "url", str(error)))
        except Exception as error:
            self._break(error)
        else:
            self._begun = begun if self._done is not None else None

    def give_up(self) -> None:
        """Let nothing more be heard of it."""
        self._done = None
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.cancel()

    def _spawn_guarded(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        return self._spawn(self._guard(work))

    async def _guard(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception as error:
            self._break(error)

    def _answered(self, answer: Outcome) -> None:
        try:
            self._end(_outcome(self.claim, self._headers, answer, self.started_at_ms))
        except Exception as error:
            self._break(error)

    def _break(self, error: Exception) -> None:
        """End it as failed: a fault of ours in one delivery must not end those of everybody else."""
        claim = self.claim
        logs.error("post failed", delivery_id=claim.delivery_id, webhook_id=claim.webhook_id, error=repr(error))
        self._end(unanswered(claim, self.started_at_ms, "internal", f"the delivery could not be made: {error}"))

    def _end(self, outcome: AttemptOutcome) -> None:
        self._begun = None  # which knows us: whoever goes round in a circle is left to the garbage collector
        if self._done is not None:
            self._done(self, outcome)
            self._done = None  # not before: an outcome that can't be taken is followed by one that can


def webhook_headers(claim: Claim, body: bytes, at_ms: int) -> Headers:
    """Return the contract's headers, and beside them those of Standard Webhooks, which carry every valid secret."""
    delivery_id, timestamp_s = claim.delivery_id, at_ms // 1000
    sending = Sending(claim.event_id, claim.event_type, delivery_id, claim.webhook_id, claim.attempt, at_ms, body)
    signatures = [signing.standard_signature(secret, delivery_id, timestamp_s, body) for secret in claim.secrets]
    return (
        *wire(claim.wire).headers(sending, claim.secrets[0]),
        ("user-agent", USER_AGENT),
        ("webhook-id", delivery_id),
        ("webhook-timestamp", str(timestamp_s)),
        ("webhook-signature", " ".join(signatures)),
    )


def unanswered(
    claim: Claim, started_at_ms: int, error_class: str, error: str, duration_ms: float = 0.0
) -> AttemptOutcome:
    """Return the outcome of an attempt that we gave up ourselves."""
    return AttemptOutcome(
        delivery_id=claim.delivery_id,
        attempt=claim.attempt,
        succeeded=False,
        status=None,
        error=error[:MOST_ERROR_CHARS],
        started_at_ms=started_at_ms,
        duration_ms=duration_ms,
        error_class=error_class,
    )


def _outcome(claim: Claim, headers: Headers, answer: Outcome, started_at_ms: int) -> AttemptOutcome:
    return AttemptOutcome(
        delivery_id=claim.delivery_id,
        attempt=claim.attempt,
        succeeded=answer.succeeded,
        status=answer.status,
        error=answer.error and answer.error[:MOST_ERROR_CHARS],
        started_at_ms=started_at_ms,
        duration_ms=round(answer.duration_ms, 2),
        request_headers=headers,
        response_headers=answer.headers,
        response_body=answer.body,
        error_class=_error_class(answer),
        connect_ms=answer.connect_ms and round(answer.connect_ms, 2),
        first_byte_ms=answer.first_byte_ms and round(answer.first_byte_ms, 2),
    )


def _error_class(answer: Outcome) -> str | None:
    if answer.succeeded:
        return None
    return "status" if answer.failure is None else answer.failure.value
