import socket
import subprocess
import sys

import pytest
from pytest_httpserver import HTTPServer

from cstar_cli.client.api import ApiClient
from cstar_cli.client.http import httpx
from cstar_cli.errors import CloudUnreachable, CstarError, NotAllowed, NotThere, UsageError

from .fake_cloud import FakeCloud, World, created, failure, page, success

HEALTH = {
    "status": "ok",
    "version": "0.1.0",
    "pid": 7,
    "embedded": True,
    "database": "cstar.db",
    "sessions": 2,
    "started_at": "2025-12-10T14:30:00Z",
}


def test_a_created_event_carries_its_deliveries_and_the_whole_answer_on_one_line() -> None:
    answer = created(deliveries=("dlv_1", "dlv_2"))
    with FakeCloud([answer]).client() as client:
        accepted = client.create_event(b'{"type":"ticket.created"}')
    assert accepted.event_id == "evt_1"
    assert accepted.delivery_ids == ("dlv_1", "dlv_2")
    assert accepted.line == answer.content


def test_a_listener_that_is_away_is_told_of() -> None:
    deliveries = [{"id": "dlv_1", "target": "ses_1", "target_away": True}, {"id": "dlv_2", "target": "whk_1"}]
    answer = success({"event": {"id": "evt_1", "type": "a.b"}, "deliveries": deliveries})
    with FakeCloud([answer]).client() as client:
        accepted = client.create_event(b"{}")
    assert (accepted.away, accepted.webhooks) == (1, 1)


def test_an_answer_on_several_lines_becomes_one_line() -> None:
    spread = (
        b'{\n "success": true, "data": {"event": {"id": "evt_1", "type": "a.b"}, "deliveredTo": 0, "deliveries": []}}'
    )
    with FakeCloud([httpx.Response(201, content=spread)]).client() as client:
        assert b"\n" not in client.create_event(b"{}").line


def test_requests_go_to_the_team_with_the_token_over_a_real_socket(httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(
        "/api/v1/teams/team/health", headers={"Authorization": "Bearer sk_test_1"}
    ).respond_with_json({"success": True, "data": HEALTH, "meta": {}})
    with ApiClient(httpserver.url_for("").rstrip("/"), "team", "sk_test_1", World().edges()) as client:
        assert client.health().pid == 7


def test_what_is_triggered_says_which_machine_does_and_what_is_read_does_not() -> None:
    cloud = FakeCloud([created(), success({}), success({})])
    client = ApiClient("http://cloud", "team", "sk_test_1", World().edges(), cloud.wire(), origin=lambda: "machine-1")
    with client:
        client.create_event(b"{}")
        client.post("/events/evt_1/resend", {}, dict[str, str])
        client.get("/events/evt_1", {}, dict[str, str])
    assert [request.headers.get("x-cstar-origin") for request in cloud.requests] == ["machine-1", "machine-1", None]


def test_get_returns_any_resource_in_the_shape_that_is_asked_for() -> None:
    cloud = FakeCloud([success([{"id": "evt_1"}])])
    with cloud.client() as client:
        assert client.get("/events", {"page": 2}, list[dict[str, str]]) == [{"id": "evt_1"}]
    assert cloud.query(0) == {"page": "2"}


def test_an_address_that_nothing_listens_on_says_how_to_start_a_cloud() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with ApiClient(base, "team", "t", World().edges()) as client, pytest.raises(CloudUnreachable) as caught:
            client.health()
    assert base in str(caught.value)
    assert "start one with: cstar listen   (or: cstar cloud serve)" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, UsageError),
        (401, NotAllowed),
        (403, NotAllowed),
        (404, NotThere),
        (413, CstarError),
        (500, CloudUnreachable),
    ],
)
def test_a_refusal_becomes_the_error_of_its_status(status: int, error: type[CstarError]) -> None:
    with FakeCloud([failure(status)]).client() as client, pytest.raises(CstarError) as caught:
        client.create_event(b"{}")
    assert type(caught.value) is error


def test_an_invalid_request_is_explained_in_the_clouds_own_words() -> None:
    with FakeCloud([failure(400, "Unknown type.")]).client() as client, pytest.raises(UsageError, match="Unknown type"):
        client.create_event(b"{}")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<h1>It works!</h1>"),
        httpx.Response(404, html="<h1>Not found</h1>"),
        httpx.Response(200, json={"hello": "world"}),
        httpx.Response(200, json={"success": True, "data": {"pid": "x"}}),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(301, headers={"Location": "http://example.com/"}),
        httpx.RemoteProtocolError("illegal status line"),
    ],
)
def test_a_foreign_program_on_the_address_is_named_as_such(answer: httpx.Response | Exception) -> None:
    with FakeCloud([answer]).client() as client, pytest.raises(CstarError) as caught:
        client.health()
    assert "not a cStar cloud answers at http://127.0.0.1:7827" in str(caught.value)


def test_a_gateway_without_its_cloud_counts_as_unreachable() -> None:
    with FakeCloud([httpx.Response(502, html="bad gateway")]).client() as client, pytest.raises(CloudUnreachable):
        client.health()


@pytest.mark.parametrize(
    "cut", [httpx.ReadError("reset"), httpx.RemoteProtocolError("Server disconnected without sending a response.")]
)
def test_a_cloud_that_dies_before_its_answer_leaves_open_what_was_done(cut: Exception) -> None:
    with FakeCloud([cut]).client() as client, pytest.raises(CloudUnreachable, match="may have been done"):
        client.create_event(b"{}")


def test_a_busy_cloud_is_asked_again_when_it_says_and_the_user_is_told() -> None:
    cloud = FakeCloud([failure(503, headers={"Retry-After": "3"}), success(HEALTH)])
    with cloud.client() as client:
        assert client.health().status == "ok"
    assert cloud.world.slept == [3]
    assert cloud.world.said == ["The cloud is busy (HTTP 503); trying again in 3 s."]


def test_an_event_is_sent_again_after_429_which_means_that_nothing_was_done() -> None:
    cloud = FakeCloud([failure(429, headers={"Retry-After": "1"}), created()])
    with cloud.client() as client:
        assert client.create_event(b"{}").event_id == "evt_1"


def test_an_event_is_never_sent_again_after_503_which_leaves_open_what_was_done() -> None:
    cloud = FakeCloud([failure(503, headers={"Retry-After": "1"})])
    with cloud.client() as client, pytest.raises(CloudUnreachable):
        client.create_event(b"{}")
    assert len(cloud.requests) == 1


def test_a_cloud_that_stays_busy_is_given_up() -> None:
    cloud = FakeCloud([failure(429, headers={"Retry-After": "1"}) for _ in range(9)])
    with cloud.client() as client, pytest.raises(CstarError, match="429"):
        client.health()
    assert cloud.world.slept == [1] * 5


def test_two_minutes_are_waited_at_most_all_in_all() -> None:
    cloud = FakeCloud([failure(429, headers={"Retry-After": "50"}) for _ in range(9)])
    with cloud.client() as client, pytest.raises(CstarError, match="429"):
        client.health()
    assert cloud.world.slept == [50, 50]


def test_a_key_that_is_used_up_for_an_hour_is_not_waited_for() -> None:
    cloud = FakeCloud([failure(429, "Used up; try again in 900 s.", headers={"Retry-After": "900"})])
    with cloud.client() as client, pytest.raises(CstarError, match="try again in 900 s"):
        client.health()
    assert cloud.world.slept == []


@pytest.mark.parametrize("text", ["Wed, 21 Oct 2015 07:28:00 GMT", "-1", "9" * 5000])
def test_a_retry_after_that_is_no_number_of_seconds_is_one_second(text: str) -> None:
    cloud = FakeCloud([failure(429, headers={"Retry-After": text}), created()])
    with cloud.client() as client:
        client.create_event(b"{}")
    assert cloud.world.slept == [1]


THING = {"id": "whk_1"}
CUT = httpx.RemoteProtocolError("Server disconnected without sending a response.")


def changed(cloud: FakeCloud, method: str = "POST") -> dict[str, str]:
    with cloud.client() as client:
        if method == "DELETE":
            return client.delete("/webhooks/whk_1", dict[str, str])
        return (client.post if method == "POST" else client.patch)("/webhooks", {"name": "Zoë"}, dict[str, str])


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_change_is_sent_as_json_under_a_key_of_its_own(method: str) -> None:
    cloud = FakeCloud([success(THING, 201)])
    assert changed(cloud, method) == THING
    [request] = cloud.requests
    assert (request.method, request.content) == (method, '{"name":"Zoë"}'.encode())
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Idempotency-Key"] == "key_1"


def test_each_change_has_another_key() -> None:
    cloud = FakeCloud([success(THING), success(THING)])
    with cloud.client() as client:
        for _ in range(2):
            client.post("/webhooks", {}, dict[str, str])
    assert [request.headers["Idempotency-Key"] for request in cloud.requests] == ["key_1", "key_2"]


@pytest.mark.parametrize("fault", [CUT, httpx.ReadError("reset"), failure(503, headers={"Retry-After": "1"})])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_change_without_an_answer_is_asked_for_again_under_the_same_key(
    method: str, fault: httpx.Response | Exception
) -> None:
    cloud = FakeCloud([fault, success(THING)])
    assert changed(cloud, method) == THING
    first, second = cloud.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.content == second.content
    assert cloud.world.slept == [1]


@pytest.mark.parametrize("last", [CUT, httpx.ConnectError("refused")])
def test_a_change_that_is_cut_off_twice_leaves_open_what_was_done(last: Exception) -> None:
    cloud = FakeCloud([CUT, last])
    with pytest.raises(CloudUnreachable, match="may have been done"):
        changed(cloud)
    assert len(cloud.requests) == 2


@pytest.mark.parametrize("fault", [httpx.ReadTimeout("slow"), httpx.ConnectError("refused")])
def test_a_change_is_not_asked_for_again_where_none_was_begun_or_the_time_is_up(fault: Exception) -> None:
    cloud = FakeCloud([fault])
    with pytest.raises(CloudUnreachable):
        changed(cloud)
    assert len(cloud.requests) == 1


def test_a_deletion_may_be_done_twice_and_needs_no_key() -> None:
    cloud = FakeCloud([failure(503, headers={"Retry-After": "1"}), success(THING)])
    assert changed(cloud, "DELETE") == THING
    assert "Idempotency-Key" not in cloud.requests[1].headers


def test_an_event_has_no_key_for_the_cloud_to_keep_its_answer_under() -> None:
    cloud = FakeCloud([created()])
    with cloud.client() as client:
        client.create_event(b"{}")
    assert "Idempotency-Key" not in cloud.requests[0].headers


def test_a_conflict_is_told_in_the_clouds_own_words_alone() -> None:
    with pytest.raises(CstarError, match=r"^It is done already\.$"):
        changed(FakeCloud([failure(409, "It is done already.")]))


def listed(cloud: FakeCloud, most: int | None = None) -> list[bytes]:
    with cloud.client() as client:
        return [bytes(record) for record in client.records("/events", {"events": "ticket.*"}, most)]


def test_a_list_is_asked_for_page_by_page_until_there_is_no_more() -> None:
    cloud = FakeCloud([page([{"id": "a"}], more=True), page([{"id": "b"}])])
    assert listed(cloud) == [b'{"id":"a"}', b'{"id":"b"}']
    assert cloud.query(1) == {"events": "ticket.*", "page": "2", "pageSize": "100"}


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_is_asked_for_than_is_wanted(most: int) -> None:
    cloud = FakeCloud([page([{"id": "a"}, {"id": "b"}], more=True)])
    assert len(listed(cloud, most)) == most
    assert cloud.query(0)["pageSize"] == str(most)


def test_a_record_that_newer_ones_push_to_the_next_page_comes_once() -> None:
    cloud = FakeCloud([page([{"id": "b"}, {"id": "a"}], more=True), page([{"id": "a"}, {"id": "z"}])])
    assert listed(cloud) == [b'{"id":"b"}', b'{"id":"a"}', b'{"id":"z"}']


def test_an_empty_page_ends_a_list_whatever_it_promises() -> None:
    assert listed(FakeCloud([page([], more=True)])) == []


@pytest.mark.parametrize("data", [{"id": "a"}, [{"name": "a"}], ["a"]])
def test_a_list_that_is_none_is_a_foreign_programs(data: object) -> None:
    with pytest.raises(CstarError, match="not a cStar cloud"):
        listed(FakeCloud([success(data)]))


def test_the_client_loads_neither_rich_nor_click() -> None:
    code = "import sys, cstar_cli.client.api; print([m for m in ('rich', 'click', 'asyncio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
