"""The answers that no route gives: unknown ones, wrong methods, and our own faults."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, cast

import httpx
import pytest
from msgspec.structs import force_setattr, replace
from starlette.types import Message, Receive, Scope, Send

from cstar_cli import __version__
from cstar_cli.cloud.api.app import build_api
from cstar_cli.cloud.api.faults import Faults
from cstar_cli.cloud.api.guard import Access
from cstar_cli.cloud.logs import json_line
from cstar_cli.cloud.store.interface import Store, StoreUnavailable

from ..serving import Serve, There, is_error, is_missing
from ..store.making import TEAM
from .accounts import FakeAccounts


def test_health_says_who_serves(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.get("/health")
        said = answer.json()
        assert (answer.status_code, said["success"]) == (200, True)
        assert said["meta"]["requestId"].startswith("req_")
        assert said["meta"]["timestamp"].endswith("Z")
        assert said["data"] == {
            "status": "ok",
            "version": __version__,
            "pid": there.cloud.pid,
            "embedded": True,
            "database": there.cloud.database,
            "sessions": 0,
            "started_at": said["data"]["started_at"],
        }

    serve(check)


@pytest.mark.parametrize(
    "path",
    ["", "/", "/nothing", "/events/", "/health/", "/events/a/b", "/deliveries/a/b", "/%5B%5D//[::", "/é", "/a%0Ab"],
)
def test_an_unknown_route_is_missing(serve: Serve, path: str) -> None:
    async def check(there: There) -> None:
        assert is_missing(await there.client.get(f"{there.client.base_url}".rstrip("/") + path))

    serve(check)


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1/teams", "/docs", "/favicon.ico"])
def test_there_is_nothing_else_outside_the_teams(serve: Serve, path: str) -> None:
    async def check(there: There) -> None:
        assert is_missing(await there.get(there.address + path))

    serve(check)


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"])
def test_another_method_is_not_allowed(serve: Serve, method: str) -> None:
    async def check(there: There) -> None:
        for path in ("/events", "/health", "/deliveries/tail"):
            answer = await there.client.request(method, path)
            assert is_error(answer, 405, "invalid_request_error", "method_not_allowed")

    serve(check)


def test_a_wrong_method_is_told_the_right_ones(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert (await there.client.delete("/events")).headers["allow"] == "GET, HEAD, POST"
        assert (await there.client.post("/health")).headers["allow"] == "GET, HEAD"

    serve(check)


@pytest.mark.parametrize("path", ["/health", "/events", "/deliveries", "/deliveries/tail"])
def test_head_is_get_without_the_body(serve: Serve, path: str) -> None:
    async def check(there: There) -> None:
        answer = await there.client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await there.client.get("/health")).is_success

    serve(check)


class Broken:
    """A store that fails in a way nobody has thought of."""

    def __init__(self, store: Store, error: Exception) -> None:
        self.wakeups = store.wakeups
        self._error = error

    async def events(self, *_: object) -> NoReturn:
        raise self._error

    async def last_attempts(self, *_: object) -> tuple[Sequence[object], str]:
        return [], "0"

    async def attempts_after(self, *_: object) -> NoReturn:
        raise self._error


@dataclass(frozen=True)
class OnlyAccounts:
    """As much of a store as what stands before the routes asks."""

    accounts: FakeAccounts


def break_store(there: There, error: Exception) -> None:
    force_setattr(there.cloud, "store", Broken(there.cloud.store, error))


def test_a_fault_of_ours_is_answered_in_the_error_shape(serve: Serve) -> None:
    async def check(there: There) -> None:
        break_store(there, ZeroDivisionError("what\nnobody thought of"))
        answer = await there.get("/events")
        assert is_error(answer, 500, "api_error", "internal_error")
        assert "nobody" not in answer.text

    serve(check)


def test_a_fault_of_ours_is_one_line_in_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    ids: list[str] = []

    async def check(there: There) -> None:
        break_store(there, ZeroDivisionError("what\nnobody thought of"))
        ids.append((await there.get("/events")).headers["x-cstar-request-id"])

    with caplog.at_level(logging.DEBUG, "cstar.cloud"):
        serve(check)
    [line] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert json_line(0, line.levelno, line.getMessage(), vars(line)["fields"]).endswith(
        '"level": "error", "event": "request failed", "method": "GET", "path": "/api/v1/teams/team-1/events", '
        f'"request_id": "{ids[0]}", '
        """"error": "ZeroDivisionError('what\\\\nnobody thought of')"}\n"""
    )
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("of", ["find_key", "allow", "begin"])
def test_a_fault_before_the_routes_is_answered_in_the_error_shape(serve: Serve, of: str) -> None:
    async def broken(*_: object) -> NoReturn:
        raise ZeroDivisionError("what nobody thought of")

    async def check(there: There) -> None:
        accounts = FakeAccounts(there.cloud.now_ms)
        _, key = accounts.add_key()
        setattr(accounts, of, broken)
        app = build_api(replace(there.cloud, store=cast(Store, OnlyAccounts(accounts))), Access({})).app
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            headers = {"authorization": f"Bearer {key}", "idempotency-key": "k1"}
            answer = await client.post(f"/api/v1/teams/{TEAM}/events", headers=headers)
        assert is_error(answer, 500, "api_error", "internal_error")

    serve(check)


def test_a_handshake_that_breaks_is_answered_in_the_error_shape() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        scope = {"type": "websocket", "path": "/", "extensions": {"websocket.http.response": {}}, "headers": []}
        await Faults(broken)(scope, receive, send)
        assert sent[0]["status"] == 500
        assert b'"internal_error"' in sent[1]["body"]

    asyncio.run(main())


def test_a_store_that_cannot_answers_503_and_when_to_come_back(serve: Serve) -> None:
    async def check(there: There) -> None:
        break_store(there, StoreUnavailable("The database can't be read: disk I/O error."))
        answer = await there.get("/events")
        assert is_error(answer, 503, "api_error", "store_unavailable")
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["error"]["message"] == "The database can't be read: disk I/O error."

    serve(check)


def test_which_database_is_away_no_key_is_told(serve: Serve) -> None:
    async def check(there: There) -> None:
        key = (await there.post({}, "/api-keys")).json()["data"]["key"]
        break_store(there, StoreUnavailable("The database postgresql://db.internal/cstar can't be used."))
        answer = await there.get("/events", authorization=f"Bearer {key}")
        assert is_error(answer, 503, "api_error", "store_unavailable")
        assert "db.internal" not in answer.text

    serve(check)


def test_a_client_that_leaves_in_the_middle_of_its_body_is_not_our_fault(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async def check(there: There) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", there.port)
        head = f"POST {there.client.base_url.path}events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
        token = there.client.headers["authorization"]
        writer.write(f"{head}Authorization: {token}\r\n\r\n{{".encode())
        await writer.drain()
        await there.get("/health")
        writer.close()
        await writer.wait_closed()
        assert (await there.get("/health")).is_success

    serve(check)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
