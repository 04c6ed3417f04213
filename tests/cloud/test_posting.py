import asyncio
import gc
from collections.abc import Callable, Coroutine, Sequence

import pytest
from msgspec.structs import replace

from cstar_cli.cloud.posting import MOST_ERROR_CHARS, Attempt, webhook_headers
from cstar_cli.cloud.store.records import AttemptOutcome
from cstar_cli.cloud.store.webhooks import Claim
from cstar_cli.events.envelope import MAX_BODY_BYTES
from cstar_cli.events.wires import body_in, wire
from cstar_cli.sender.client import Sender
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.posting import Cancelable, Spawn
from cstar_cli.sender.target import Target
from cstar_cli.signing import sign, standard_signature

from ..sender.receivers import OK, answering, receiver
from .dispatching import NOW_MS, FakeSender, answered, claim, hanging_where_dead

NOW_S = NOW_MS // 1000
CLAIM = claim("a", body=b'{"a":1}', secrets=("whsec_old", "whsec_new"), attempt=2)


def attempted(answer: Outcome | Exception, posted: Claim = CLAIM) -> tuple[AttemptOutcome, FakeSender]:
    async def answering(host: str, timeout_s: float) -> Outcome:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def scenario() -> tuple[AttemptOutcome, FakeSender]:
        sender = FakeSender(answering)
        outcomes: list[AttemptOutcome] = []
        async with asyncio.TaskGroup() as tasks:
            attempt = Attempt(posted, NOW_MS, lambda _, outcome: outcomes.append(outcome), tasks.create_task)
            attempt.begin(sender, 10.0)
        [outcome] = outcomes
        return outcome, sender

    return asyncio.run(scenario())


def unanswered(failure: Failure, detail: str) -> Outcome:
    return Outcome(None, (), b"", failure, detail, None, None, 12.3456)


def test_a_delivery_has_the_contracts_headers_and_those_of_standard_webhooks() -> None:
    old, new = (standard_signature(secret, CLAIM.delivery_id, NOW_S, CLAIM.body) for secret in CLAIM.secrets)
    assert webhook_headers(CLAIM, CLAIM.body, NOW_MS) == (
        ("content-type", "application/json"),
        ("x-cstar-signature", sign(CLAIM.body, "whsec_old")),
        ("x-cstar-event", "ticket.created"),
        ("x-cstar-delivery", CLAIM.delivery_id),
        ("user-agent", "cStar-Webhooks/1.0"),
        ("webhook-id", CLAIM.delivery_id),
        ("webhook-timestamp", str(NOW_S)),
        ("webhook-signature", f"{old} {new}"),
    )


BODY = b'{"id":"evt_1","type":"ticket.created","team_id":"t","created_at":"2026-03-26T22:13:30Z","data":{"id":"1"}}'


def test_2026_03_has_its_own_headers_made_with_the_old_secret_and_those_of_standard_webhooks() -> None:
    posted = claim("a", body=BODY, secrets=("whsec_old", "whsec_new"), attempt=2, wire="2026-03", made_in="2026-03")
    headers = dict(webhook_headers(posted, BODY, NOW_MS))
    assert headers["X-Signature"] == wire("2026-03").sign(BODY, "whsec_old", NOW_S)
    assert (headers["X-Webhook-ID"], headers["X-Event-ID"], headers["X-Delivery-Attempt"]) == ("whk_a", "evt_1", "2")
    assert headers["user-agent"] == "cStar-Webhooks/1.0"
    assert len(headers["webhook-signature"].split()) == 2
    assert "x-cstar-signature" not in headers


@pytest.mark.parametrize(("made_in", "wanted"), [("2025-12", "2026-03"), ("2026-03", "2025-12")])
def test_an_event_of_another_version_is_translated_and_what_is_sent_is_what_is_signed(
    made_in: str, wanted: str
) -> None:
    body = BODY if made_in == "2025-12" else body_in("2026-03", BODY, "2025-12")
    _, sender = attempted(answered(), claim("a", body=body, made_in=made_in, wire=wanted))
    [post] = sender.posts
    assert post.body == body_in(wanted, body, made_in) != body
    assert post.headers.get("x-cstar-signature", sign(post.body, "whsec_1")) == sign(post.body, "whsec_1")
    signed = wire(wanted).sign(post.body, "whsec_1", NOW_S)
    assert post.headers[wire(wanted).signature_header] == signed


def test_a_body_that_grows_over_a_mebibyte_or_500_levels_by_translation_still_goes() -> None:
    padding = "x" * (MAX_BODY_BYTES - len(BODY))
    large = BODY.replace(b'"id":"1"', b'"id":"1%s"' % padding.encode())
    deep = BODY.replace(b'{"id":"1"}', b"[" * 499 + b"]" * 499)
    for body in (large, deep):
        _, sender = attempted(answered(), claim("a", body=body, wire="2026-03"))
        [post] = sender.posts
        assert len(post.body) == len(body) + len('{"ticket":}')


def test_without_a_rotation_there_is_one_signature() -> None:
    headers = dict(webhook_headers(claim("a", secrets=("whsec_1",)), CLAIM.body, NOW_MS))
    assert headers["webhook-signature"].startswith("v1,")
    assert " " not in headers["webhook-signature"]


def test_no_secret_is_in_what_is_recorded() -> None:
    outcome, _ = attempted(answered())
    assert not any(secret in repr(outcome) for secret in CLAIM.secrets)


def test_the_recorded_headers_are_those_that_were_sent() -> None:
    outcome, sender = attempted(answered())
    assert dict(outcome.request_headers) == sender.posts[0].headers


def test_everything_about_the_answer_is_recorded() -> None:
    outcome, _ = attempted(Outcome(200, (("server", "app"),), b"thanks", None, "", 1.23456, 2.34567, 3.45678))
    assert outcome == AttemptOutcome(
        delivery_id=CLAIM.delivery_id,
        attempt=2,
        succeeded=True,
        status=200,
        error=None,
        started_at_ms=NOW_MS,
        duration_ms=3.46,
        request_headers=outcome.request_headers,
        response_headers=(("server", "app"),),
        response_body=b"thanks",
        error_class=None,
        connect_ms=1.23,
        first_byte_ms=2.35,
    )


@pytest.mark.parametrize(
    ("answer", "error_class", "error"),
    [
        (answered(500), "status", "answered 500"),
        (answered(307), "status", "answered 307 (redirects are not followed)"),
        (unanswered(Failure.TIMEOUT, "no answer within 10 s"), "timeout", "no answer within 10 s"),
        (
            unanswered(Failure.ADDRESS, "10.0.0.1 is not a public address"),
            "address",
            "10.0.0.1 is not a public address",
        ),
        (unanswered(Failure.DNS, "name not found: a.test"), "dns", "name not found: a.test"),
    ],
)
def test_a_failure_is_named_for_programs_and_for_people(answer: Outcome, error_class: str, error: str) -> None:
    outcome, _ = attempted(answer)
    assert (outcome.succeeded, outcome.error_class, outcome.error) == (False, error_class, error)


def test_a_status_beside_a_failure_is_the_failures() -> None:
    outcome, _ = attempted(Outcome(200, (), b"ab", Failure.RESET, "the connection closed", None, 1.0, 2.0))
    assert (outcome.succeeded, outcome.status, outcome.error_class) == (False, 200, "reset")


def test_a_url_that_cannot_be_posted_to_is_a_failed_attempt() -> None:
    outcome, sender = attempted(answered(), claim("a", url="ftp://a.test/"))
    assert (outcome.succeeded, outcome.error_class, sender.posts) == (False, "url", [])
    assert "http://host/path" in (outcome.error or "")


def test_a_fault_of_the_sender_is_a_failed_attempt() -> None:
    outcome, _ = attempted(ValueError("a header value holds CR, LF or NUL"))
    assert (outcome.succeeded, outcome.error_class) == (False, "internal")


class KeptSender(Sender):
    """One that has a connection: it tells its outcome outside of any task."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(max_connections=0)
        self._told = outcome

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
        return asyncio.get_running_loop().call_soon(done, self._told)


def told_by_a_kept_connection(outcome: Outcome, refused: int) -> list[AttemptOutcome]:
    """Return what is heard by one that doesn't take the first so many."""

    async def scenario() -> list[AttemptOutcome]:
        heard: list[AttemptOutcome] = []
        is_over = asyncio.Event()

        def done(_: Attempt, outcome: AttemptOutcome) -> None:
            heard.append(outcome)
            if len(heard) <= refused:
                raise ValueError("no such outcome")
            is_over.set()

        async with asyncio.TaskGroup() as tasks, asyncio.timeout(5):
            Attempt(CLAIM, NOW_MS, done, tasks.create_task).begin(KeptSender(outcome), 10.0)
            await is_over.wait()
        return heard

    return asyncio.run(scenario())


def test_a_fault_after_the_answer_is_a_failed_attempt() -> None:
    broken = replace(answered(), duration_ms="long")
    [outcome] = told_by_a_kept_connection(broken, refused=0)
    assert (outcome.succeeded, outcome.error_class) == (False, "internal")


def test_an_outcome_that_is_not_taken_is_a_failed_attempt() -> None:
    first, second = told_by_a_kept_connection(answered(), refused=1)
    assert (first.succeeded, second.succeeded, second.error_class) == (True, False, "internal")


def test_an_endless_error_is_cut() -> None:
    outcome, _ = attempted(unanswered(Failure.REFUSED, "x" * 5000))
    assert len(outcome.error or "") == MOST_ERROR_CHARS


def test_only_a_post_that_connects_takes_a_task() -> None:
    async def scenario() -> int:
        loop = asyncio.get_running_loop()
        spawned: list[asyncio.Task[None]] = []
        ended: asyncio.Queue[AttemptOutcome] = asyncio.Queue()

        def spawn(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
            spawned.append(loop.create_task(work))
            return spawned[-1]

        sender = Sender(max_connections=1)
        async with receiver(answering(OK)) as there:
            for number in range(5):
                posted = claim("a", number, url=there.target().url)
                Attempt(posted, NOW_MS, lambda _, outcome: ended.put_nowait(outcome), spawn).begin(sender, 10.0)
                assert (await ended.get()).succeeded
            await sender.close()
        return len(spawned)

    assert asyncio.run(scenario()) == 1


def test_of_one_that_was_given_up_nothing_more_is_heard() -> None:
    async def scenario() -> list[AttemptOutcome]:
        heard: list[AttemptOutcome] = []
        sender = FakeSender(hanging_where_dead)
        async with asyncio.TaskGroup() as tasks:
            attempt = Attempt(claim("dead"), NOW_MS, lambda _, outcome: heard.append(outcome), tasks.create_task)
            attempt.begin(sender, 0.01)
            await asyncio.sleep(0)
            attempt.give_up()
        assert (len(sender.posts), sender.under_way) == (1, 0)
        return heard

    assert asyncio.run(scenario()) == []


def test_an_attempt_that_is_over_is_gone_without_the_garbage_collector() -> None:
    async def scenario() -> int:
        ended: asyncio.Queue[AttemptOutcome] = asyncio.Queue()
        sender = Sender(max_connections=1)
        async with receiver(answering(OK)) as there, asyncio.TaskGroup() as tasks:
            for number in range(3):
                posted = claim("a", number, url=there.target().url)
                Attempt(posted, NOW_MS, lambda _, outcome: ended.put_nowait(outcome), tasks.create_task).begin(
                    sender, 10.0
                )
                assert (await ended.get()).succeeded
            await sender.close()
        attempts = [thing for thing in gc.get_objects() if isinstance(thing, Attempt)]
        return sum(attempt.claim.url == there.target().url for attempt in attempts)

    gc.disable()
    try:
        assert asyncio.run(scenario()) == 0
    finally:
        gc.enable()
