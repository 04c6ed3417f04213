from collections.abc import Sequence

import pytest

from cstar_cli.activity import Accepted, Activity, Attempted, Notice
from cstar_cli.client.http import httpx
from cstar_cli.commands.payload import Payload
from cstar_cli.commands.sending import Clocks, Expectation, expected_status, send
from cstar_cli.errors import CstarError, ExpectationNotMet, UsageError
from cstar_cli.events.envelope import parse_iso
from tests.client.fake_cloud import FakeCloud, attempt, created, cursor, failure, tail_of

PAYLOAD = Payload("ticket.created", False, None)
NOW_MS = parse_iso("2025-12-10T14:30:00Z")


def sent(
    cloud: FakeCloud, payloads: Sequence[Payload], expectation: Expectation | None = None, interval_s: float = 0
) -> list[Activity]:
    seen: list[Activity] = []
    clocks = Clocks(cloud.world.sleep, lambda: cloud.world.now, lambda: NOW_MS)
    with cloud.client() as client:
        send(client, payloads, interval_s, expectation, clocks, seen.append)
    return seen


def test_each_event_is_reported_as_it_is_accepted() -> None:
    cloud = FakeCloud([created("evt_1"), created("evt_2")])
    assert [item.event_id for item in sent(cloud, [PAYLOAD] * 2) if isinstance(item, Accepted)] == ["evt_1", "evt_2"]
    assert [request.content for request in cloud.requests] == [b'{"type":"ticket.created"}'] * 2


def test_the_interval_lies_between_events() -> None:
    cloud = FakeCloud([created(), created(), created()])
    sent(cloud, [PAYLOAD] * 3, interval_s=2)
    assert cloud.world.slept == [2, 2]


def test_that_nobody_listens_is_told_once() -> None:
    seen = sent(FakeCloud([created(deliveries=()), listeners(0), created(deliveries=())]), [PAYLOAD] * 2)
    assert [item.message for item in seen if isinstance(item, Notice)] == [
        "accepted, but nobody listens for ticket.created: cstar listen --since 5m brings it"
    ]


@pytest.mark.parametrize(
    ("count", "who"),
    [(1, "1 listens, but not to"), (2, "2 listen, none takes"), (100, "100 or more listen, none takes")],
)
def test_that_listeners_take_other_types_is_told(count: int, who: str) -> None:
    seen = sent(FakeCloud([created(deliveries=()), listeners(count)]), [PAYLOAD])
    [notice] = [item for item in seen if isinstance(item, Notice)]
    assert notice.message == f"accepted, but {who} ticket.created: cstar listen --since 5m brings it"


def test_a_cloud_that_refuses_to_say_who_listens_is_no_failure() -> None:
    seen = sent(FakeCloud([created(deliveries=()), failure(403)]), [PAYLOAD])
    assert [type(item) for item in seen] == [Accepted, Notice]


def listeners(count: int) -> httpx.Response:
    found = [{"id": f"ses_{number}"} for number in range(count)]
    return httpx.Response(200, json={"success": True, "data": found, "pagination": {"hasMore": False}})


def waited(
    cloud_answers: Sequence[dict[str, object]], status: str | None, deliveries: Sequence[str] = ("dlv_1",)
) -> list[Activity]:
    cloud = FakeCloud([])

    def time_passes() -> None:
        cloud.world.now += 5

    cloud.steps = [
        tail_of(cursor(7)),
        created(deliveries=deliveries),
        tail_of(*cloud_answers, time_passes, cursor(9)),
    ]
    return sent(cloud, [PAYLOAD], Expectation(status, 5000))


def test_waiting_shows_the_attempts_and_ends_well_when_all_succeed() -> None:
    seen = waited([attempt(8)], None)
    assert [type(item) for item in seen] == [Accepted, Attempted]


FAILED = attempt(8, outcome="failed", status=500)


def test_waiting_fails_when_a_delivery_fails() -> None:
    with pytest.raises(CstarError, match=r"Expected success within 5 s: 500 from http://localhost:3000/webhook\."):
        waited([FAILED], None)


def test_waiting_fails_when_nobody_listens() -> None:
    with pytest.raises(CstarError, match="nobody listens"):
        waited([], None, deliveries=())


def test_waiting_fails_when_the_time_is_up() -> None:
    with pytest.raises(CstarError, match=r"1 delivery has no outcome yet \(the application is busy, or away: "):
        waited([], None)


@pytest.mark.parametrize(("status", "expected"), [(200, "2xx"), (204, "2xx"), (404, "404"), (500, "5xx")])
def test_an_expected_status_ends_well_whatever_it_means(status: int, expected: str) -> None:
    outcome = "succeeded" if status < 300 else "failed"
    waited([attempt(8, status=status, outcome=outcome)], expected)


@pytest.mark.parametrize(
    ("answers", "deliveries", "message"),
    [
        ([FAILED], ("dlv_1",), "Expected 2xx within 5 s: 500 from"),
        ([attempt(8, outcome="failed", status=None, error="refused")], ("dlv_1",), "refused from"),
        ([attempt(8, outcome="failed", status=200, error="answered 200, but")], ("dlv_1",), "answered 200, but from"),
        ([], ("dlv_1", "dlv_2"), "2 deliveries have no outcome yet"),
        ([{**FAILED, "next_attempt_at": "2025-12-10T14:30:01.000Z"}], ("dlv_1",), r"yet, the last attempt saw 500\."),
        ([], (), "nobody listens"),
    ],
)
def test_a_status_that_differs_or_is_missing_is_an_expectation_not_met(
    answers: Sequence[dict[str, object]], deliveries: Sequence[str], message: str
) -> None:
    with pytest.raises(ExpectationNotMet, match=message):
        waited(answers, "2xx", deliveries)


def test_failures_that_are_alike_are_told_once() -> None:
    with pytest.raises(CstarError, match=r"500 from http://localhost:3000/webhook \(2 times\)\."):
        waited([FAILED, {**FAILED, "delivery_id": "dlv_2"}], None, deliveries=("dlv_1", "dlv_2"))


@pytest.mark.parametrize(("text", "status"), [("2xx", "2xx"), ("2XX", "2xx"), ("404", "404")])
def test_a_status_is_a_class_or_a_code(text: str, status: str) -> None:
    assert expected_status(text) == status


@pytest.mark.parametrize("text", ["", "2", "6xx", "2x", "ok", "2xxx", "٢٠٠", "0xx"])
def test_other_text_is_no_status(text: str) -> None:
    with pytest.raises(UsageError, match="is no status"):
        expected_status(text)
