import pytest

from cstar_cli.activity import Attempted, Notice
from cstar_cli.client.http import httpx
from cstar_cli.client.tail import SILENCE_S, TailQuery, end_of_log, follow
from cstar_cli.errors import CloudUnreachable, CstarError, NotAllowed, UsageError

from .fake_cloud import FakeCloud, attempt, cursor, failure, tail_of

LIVE = TailQuery(lines=10)
STOP = failure(401)


def followed(cloud: FakeCloud, query: TailQuery = LIVE, deadline: float | None = None) -> list[Attempted | Notice]:
    """Follow until the script ends the following with a 401."""
    seen: list[Attempted | Notice] = []
    with cloud.client() as client:
        try:
            for item in follow(client, query, deadline):
                seen.append(item)
        except NotAllowed:
            pass
    return seen


def ids(items: list[Attempted | Notice]) -> list[str]:
    return [item.delivery_id for item in items if isinstance(item, Attempted)]


def notices(items: list[Attempted | Notice]) -> list[str]:
    return [item.message for item in items if isinstance(item, Notice)]


def test_attempts_come_as_the_cloud_tells_them() -> None:
    cloud = FakeCloud([tail_of(attempt(1, delivery_id="dlv_a"), cursor(1), attempt(2, delivery_id="dlv_b")), STOP])
    assert ids(followed(cloud)) == ["dlv_a", "dlv_b"]


def test_filtering_is_left_to_the_cloud() -> None:
    query = TailQuery(
        since="2025-12-10T14:30:00.000Z", events=("ticket.*", "!ticket.closed"), status="4xx", target="ses_1"
    )
    cloud = FakeCloud([STOP])
    followed(cloud, query)
    assert cloud.query(0) == {
        "since": "2025-12-10T14:30:00.000Z",
        "follow": "true",
        "events": "ticket.*,!ticket.closed",
        "status": "4xx",
        "target": "ses_1",
    }


@pytest.mark.parametrize(
    "cut",
    [httpx.ReadError("reset"), httpx.ReadTimeout("silence"), httpx.RemoteProtocolError("incomplete chunked read")],
)
def test_after_a_cut_the_tail_goes_on_behind_the_last_cursor_seen(cut: Exception) -> None:
    cloud = FakeCloud([tail_of(attempt(5), cursor(9), cut), STOP])
    followed(cloud)
    assert cloud.query(1) == {"after": "9", "follow": "true"}


def test_a_tail_that_simply_ends_is_opened_again() -> None:
    cloud = FakeCloud([tail_of(cursor(3)), tail_of(attempt(4)), STOP])
    assert ids(followed(cloud)) == ["dlv_1"]
    assert cloud.query(2)["after"] == "4"


def test_a_cut_before_the_first_line_asks_the_first_question_again() -> None:
    cloud = FakeCloud([tail_of(httpx.ReadError("reset")), STOP])
    followed(cloud)
    assert cloud.query(1) == {"lines": "10", "follow": "true"}


def test_half_a_line_is_dropped_and_comes_again_whole() -> None:
    cloud = FakeCloud([tail_of(cursor(1), b'{"kind":"attempt","cursor":"2",'), tail_of(attempt(2)), STOP])
    assert ids(followed(cloud)) == ["dlv_1"]
    assert cloud.query(1)["after"] == "1"


def test_a_line_separator_within_json_does_not_part_a_line() -> None:
    cloud = FakeCloud([tail_of(attempt(1, error="a\u2028b\u0085c", outcome="failed")), STOP])
    first = followed(cloud)[0]
    assert isinstance(first, Attempted)
    assert first.error == "a\u2028b\u0085c"


def test_a_line_that_comes_in_pieces_is_put_together() -> None:
    cloud = FakeCloud([tail_of(b'{"kind":"cur', b'sor","cursor":"7"}\n{"kind":"cursor",', b'"cursor":"8"}\n'), STOP])
    followed(cloud)
    assert cloud.query(1)["after"] == "8"


def test_kinds_of_lines_that_are_unknown_are_passed_over() -> None:
    cloud = FakeCloud([tail_of({"kind": "weather", "cursor": "4", "sky": "blue"}, attempt(5)), STOP])
    assert ids(followed(cloud)) == ["dlv_1"]


def test_an_outage_is_told_once_and_its_end_once() -> None:
    away = [httpx.ConnectError("refused") for _ in range(4)]
    cloud = FakeCloud([tail_of(cursor(1)), *away, failure(503), httpx.Response(502), tail_of(cursor(2)), STOP])
    told = notices(followed(cloud))
    assert told == ["the cloud is gone; waiting for it…", "the cloud is back", "the cloud is gone; waiting for it…"]


def test_waits_double_from_a_tenth_of_a_second_to_ten_seconds() -> None:
    cloud = FakeCloud([tail_of(cursor(1)), *(httpx.ConnectError("refused") for _ in range(8)), STOP])
    followed(cloud)
    assert cloud.world.slept == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10])


def test_waits_begin_anew_once_the_cloud_has_spoken() -> None:
    refused = [httpx.ConnectError("refused") for _ in range(3)]
    cloud = FakeCloud([tail_of(cursor(1)), *refused, tail_of(cursor(2)), STOP])
    followed(cloud)
    assert cloud.world.slept[-1] == pytest.approx(0.1)


def test_a_cloud_that_never_was_there_is_an_error_at_once() -> None:
    cloud = FakeCloud([httpx.ConnectError("refused")])
    with cloud.client() as client, pytest.raises(CloudUnreachable, match="start one with"):
        list(follow(client, LIVE))


def test_another_clouds_refusal_after_an_outage_ends_the_following() -> None:
    cloud = FakeCloud([tail_of(cursor(1)), httpx.ConnectError("refused"), failure(401)])
    with cloud.client() as client, pytest.raises(NotAllowed):
        list(follow(client, LIVE))


def test_an_invalid_filter_is_the_users_mistake() -> None:
    with FakeCloud([failure(400, "Bad status.")]).client() as client, pytest.raises(UsageError, match="Bad status"):
        list(follow(client, LIVE))


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(200, html="<p>hello"), tail_of({"hello": "world"}), tail_of(b"garbage\n"), tail_of(b"\xff\n")],
)
def test_a_foreign_program_is_named_as_such(answer: httpx.Response) -> None:
    with FakeCloud([answer]).client() as client, pytest.raises(CstarError, match="not a cStar cloud"):
        list(follow(client, LIVE))


def test_without_following_the_end_of_the_log_is_the_end() -> None:
    cloud = FakeCloud([tail_of(attempt(1), cursor(1))])
    assert ids(followed(cloud, TailQuery(lines=10, follow=False))) == ["dlv_1"]
    assert cloud.query(0)["follow"] == "false"


def test_without_following_a_cut_is_an_error() -> None:
    cloud = FakeCloud([tail_of(attempt(1), httpx.ReadError("reset"))])
    with cloud.client() as client, pytest.raises(CloudUnreachable):
        list(follow(client, TailQuery(lines=10, follow=False)))


def test_the_end_of_the_log_is_its_cursor() -> None:
    cloud = FakeCloud([tail_of(cursor(41))])
    with cloud.client() as client:
        assert end_of_log(client) == "41"
    assert cloud.query(0) == {"lines": "0", "follow": "false"}


def read_timeouts(cloud: FakeCloud) -> list[float]:
    return [request.extensions["timeout"]["read"] for request in cloud.requests]


def test_silence_is_noticed_after_fifteen_seconds() -> None:
    cloud = FakeCloud([STOP])
    followed(cloud)
    assert read_timeouts(cloud) == [SILENCE_S]


def test_a_deadline_shortens_the_silence_that_is_borne() -> None:
    cloud = FakeCloud([])

    def heartbeat_after_5_s() -> None:
        cloud.world.now += 5

    def silence() -> None:
        cloud.world.now += 2
        raise httpx.ReadTimeout("silence")

    cloud.steps = [tail_of(cursor(1), heartbeat_after_5_s, cursor(1), attempt(2)), tail_of(cursor(1), silence)]
    followed(cloud, LIVE, deadline=cloud.world.now + 7)
    assert read_timeouts(cloud) == [7, 2]
    assert cloud.query(1)["after"] == "1"


def test_a_deadline_ends_the_waiting_for_a_cloud_that_is_away() -> None:
    cloud = FakeCloud([tail_of(cursor(1)), *(httpx.ConnectError("refused") for _ in range(9))])
    followed(cloud, LIVE, deadline=cloud.world.now + 1)
    assert sum(cloud.world.slept) == pytest.approx(1)
