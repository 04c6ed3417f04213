from cstar_cli.activity import Accepted, Activity, Attempted
from cstar_cli.client.waiting import Awaited, Limit, await_outcomes
from cstar_cli.events.envelope import parse_iso

from .fake_cloud import FakeCloud, attempt, cursor, tail_of

NOW_MS = parse_iso("2025-12-10T14:30:00Z")


def accepted(event_id: str = "evt_1", *delivery_ids: str) -> Accepted:
    return Accepted(event_id, "ticket.created", delivery_ids, b"{}")


def succeeded(item: Attempted) -> bool:
    return item.outcome == "succeeded"


def awaited(cloud: FakeCloud, *events: Accepted, within_s: float = 5) -> tuple[Awaited, list[Activity]]:
    seen: list[Activity] = []
    limit = Limit(cloud.world.now + within_s, NOW_MS + int(within_s * 1000))
    with cloud.client() as client:
        return await_outcomes(client, events, "7", limit, succeeded, seen.append), seen


def test_waiting_ends_with_the_last_delivery() -> None:
    cloud = FakeCloud([tail_of(attempt(8, delivery_id="dlv_1"), cursor(8), attempt(9, delivery_id="dlv_2"))])
    result, seen = awaited(cloud, accepted("evt_1", "dlv_1", "dlv_2"))
    assert result == Awaited(met=2)
    assert len(seen) == 2


def test_one_event_is_asked_for_by_its_id_from_before_it_was_sent() -> None:
    cloud = FakeCloud([tail_of(attempt(8))])
    awaited(cloud, accepted("evt_1", "dlv_1"))
    assert cloud.query(0) == {"after": "7", "follow": "true", "event_id": "evt_1"}


def test_several_events_share_one_tail_and_others_are_passed_over() -> None:
    lines = [attempt(8, delivery_id="dlv_x"), attempt(9, delivery_id="dlv_1"), attempt(10, delivery_id="dlv_2")]
    cloud = FakeCloud([tail_of(*lines)])
    result, seen = awaited(cloud, accepted("evt_1", "dlv_1"), accepted("evt_2", "dlv_2"))
    assert result.met == 2
    assert [item.delivery_id for item in seen if isinstance(item, Attempted)] == ["dlv_1", "dlv_2"]
    assert "event_id" not in cloud.query(0)


def test_a_last_attempt_that_fails_differs() -> None:
    result, _ = awaited(FakeCloud([tail_of(attempt(8, outcome="failed", status=500))]), accepted("evt_1", "dlv_1"))
    assert [item.status for item in result.differing] == [500]


def test_a_retry_within_the_limit_is_waited_for() -> None:
    first = attempt(8, outcome="failed", status=500, next_attempt_at="2025-12-10T14:30:02.000Z")
    result, seen = awaited(FakeCloud([tail_of(first, attempt(9, attempt=2))]), accepted("evt_1", "dlv_1"))
    assert result == Awaited(met=1)
    assert len(seen) == 2


def test_a_retry_beyond_the_limit_is_not_waited_for() -> None:
    later = attempt(8, outcome="failed", status=500, next_attempt_at="2025-12-10T14:31:00.000Z")
    result, _ = awaited(FakeCloud([tail_of(later)]), accepted("evt_1", "dlv_1"))
    assert len(result.differing) == 1


def test_when_the_time_is_up_the_open_deliveries_are_missing() -> None:
    cloud = FakeCloud([])

    def time_passes() -> None:
        cloud.world.now += 5

    cloud.steps = [tail_of(cursor(7), time_passes, cursor(7))]
    result, _ = awaited(cloud, accepted("evt_1", "dlv_1"))
    assert result == Awaited(missing={"dlv_1": None})


def test_events_without_deliveries_need_no_waiting() -> None:
    cloud = FakeCloud([])
    assert awaited(cloud, accepted("evt_1"))[0] == Awaited()
    assert cloud.requests == []
