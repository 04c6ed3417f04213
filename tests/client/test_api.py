import socket
import subprocess
import sys

import pytest
from pytest_httpserver import HTTPServer

from cstar_cli.client.api import ApiClient
from cstar_cli.client.http import httpx
from cstar_cli.errors import CloudUnreachable, CstarError, NotAllowed, UsageError

from .fake_cloud import FakeCloud, World, created, failure, success

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
        (404, CstarError),
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
    cloud = FakeCloud([failure(429, headers={"Retry-After": "900"}) for _ in range(9)])
    with cloud.client() as client, pytest.raises(CstarError, match="429"):
        client.health()
    assert cloud.world.slept == [60] * 5


@pytest.mark.parametrize("text", ["Wed, 21 Oct 2015 07:28:00 GMT", "-1", "9" * 5000])
def test_a_retry_after_that_is_no_number_of_seconds_is_one_second(text: str) -> None:
    cloud = FakeCloud([failure(429, headers={"Retry-After": text}), created()])
    with cloud.client() as client:
        client.create_event(b"{}")
    assert cloud.world.slept == [1]


def test_the_client_loads_neither_rich_nor_click() -> None:
    code = "import sys, cstar_cli.client.api; print([m for m in ('rich', 'click', 'asyncio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
