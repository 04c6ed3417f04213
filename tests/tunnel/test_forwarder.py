import asyncio
import hashlib
import hmac
from collections.abc import Callable, Sequence

import pytest

from cstar_cli.activity import Forwarded
from cstar_cli.events.wires import wire
from cstar_cli.protocol.frames import Delivery, Result
from cstar_cli.sender.client import Sender
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.posting import Cancelable, Spawn
from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import TlsFault
from cstar_cli.tunnel.forwarder import Forwarder, Unanswered
from cstar_cli.tunnel.hints import Hints

BODY = b'{"id":"evt_1","data":{"title":"caf\xc3\xa9"}}'
DELIVERY = Delivery("dlv_1", "evt_1", "ticket.created", 2, body=BODY)


class FakeSender(Sender):
    """Answers every post with the same outcome, and keeps what was posted."""

    def __init__(self, outcome: Outcome) -> None:
        self.posts: list[tuple[str, dict[str, str], bytes, float | None]] = []
        self._answer = outcome

    def begin(
        self,
        target: Target,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        timeout_s: float | None,
        *,
        done: Callable[[Outcome], None],
        spawn: Spawn,
    ) -> Cancelable:
        self.posts.append((target.url, dict(headers), body, timeout_s))
        return asyncio.get_running_loop().call_soon(done, self._answer)


def outcome(
    status: int | None = 200, failure: Failure | None = None, detail: str = "", duration_ms: float = 4.256
) -> Outcome:
    return Outcome(status, (("server", "app"),), b"thanks", failure, detail, 1.0, 2.0, duration_ms)


def forward(sender: FakeSender, url: str = "http://127.0.0.1:3000/hook") -> tuple[Result, Forwarded, Unanswered | None]:
    hints = Hints(in_container=lambda: False)
    extra = (("X-Mine", "1"),)
    forwarder = Forwarder(
        Target.parse(url), wire("2025-12"), "whsec_1", extra, 2.5, sender, lambda: 1_700_000_000_000, hints
    )

    async def told() -> tuple[Result, Forwarded, Unanswered | None]:
        done: asyncio.Future[tuple[Result, Forwarded, Unanswered | None]] = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as group:
            forwarder.forward(DELIVERY, "ses_1", lambda *ended: done.set_result(ended), group.create_task)
            return await done

    return asyncio.run(told())


def test_the_exact_bytes_are_posted_under_their_signature() -> None:
    sender = FakeSender(outcome())
    forward(sender)
    [(url, headers, body, timeout_s)] = sender.posts
    assert (url, body, timeout_s) == ("http://127.0.0.1:3000/hook", BODY, 2.5)
    assert headers["x-cstar-signature"] == hmac.new(b"whsec_1", BODY, hashlib.sha256).hexdigest()
    assert headers["X-Mine"] == "1"


def test_a_refusal_is_shown_with_its_likeliest_cause_and_the_cloud_is_told_nothing_of_it() -> None:
    result, shown, _ = forward(FakeSender(outcome(401)))
    assert shown.hint is not None
    assert "README.md#verifying-a-signature" in shown.hint
    assert result.error == shown.error == "answered 401"


@pytest.mark.parametrize("status", [200, 404, 500])
def test_no_other_answer_has_a_cause(status: int) -> None:
    _, shown, _ = forward(FakeSender(outcome(status)))
    assert shown.hint is None


def test_the_cloud_gets_to_know_everything_about_the_attempt() -> None:
    sender = FakeSender(outcome())
    result, *_ = forward(sender)
    assert result == Result(
        delivery_id="dlv_1",
        attempt=2,
        succeeded=True,
        status=200,
        error=None,
        started_at_ms=1_700_000_000_000,
        duration_ms=4.26,
        request_headers=tuple(sender.posts[0][1].items()),
        response_headers=(("server", "app"),),
        body=b"thanks",
    )


def test_the_user_gets_to_know_the_same_attempt() -> None:
    _, shown, _ = forward(FakeSender(outcome(404)))
    assert shown == Forwarded(
        time_ms=1_700_000_000_000,
        event_id="evt_1",
        event_type="ticket.created",
        delivery_id="dlv_1",
        attempt=2,
        url="http://127.0.0.1:3000/hook",
        status=404,
        duration_ms=4.26,
        outcome="failed",
        error="answered 404",
        response_body=b"thanks",
        hint=None,
    )


def test_an_answer_that_was_never_finished_is_a_failure_whatever_its_status() -> None:
    result, shown, _ = forward(FakeSender(outcome(200, Failure.TIMEOUT, "answered 200, but did not finish")))
    assert (result.succeeded, result.status, shown.outcome) == (False, 200, "failed")
    assert result.error == shown.error == "answered 200, but did not finish"


@pytest.mark.parametrize(
    ("outcome", "unanswered"),
    [
        (outcome(), None),
        (outcome(500), None),
        (outcome(None, Failure.REFUSED), "refused"),
        (outcome(None, Failure.RESET), "broken"),
        (outcome(200, Failure.RESET), None),
        (outcome(None, Failure.TIMEOUT), None),
        (outcome(None, Failure.UNREACHABLE), None),
    ],
)
def test_it_tells_apart_whether_the_application_is_away_or_has_failed(
    outcome: Outcome, unanswered: Unanswered | None
) -> None:
    assert forward(FakeSender(outcome))[2] == unanswered


def test_what_fails_over_tls_has_a_hint() -> None:
    failed = Outcome(None, (), b"", Failure.TLS, "TLS: no", None, None, 1.0, TlsFault.EXPIRED)
    _, shown, _ = forward(FakeSender(failed), "https://127.0.0.1:1/")
    assert str(shown.hint).startswith("Give the server a new certificate")
