"""One line in the log for each request."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from websockets.exceptions import InvalidStatus

from ..serving import TOKEN, Serve, There
from ..store.making import TEAM
from .test_tunnel import dialled, opened

Lines = Callable[[Callable[[There], Awaitable[None]]], list[dict[str, object]]]


@pytest.fixture
def lines(serve: Serve, caplog: pytest.LogCaptureFixture) -> Lines:
    """Runs a coroutine function with a cloud, and returns the fields of the lines of requests."""

    def run(body: Callable[[There], Awaitable[None]]) -> list[dict[str, object]]:
        with caplog.at_level(logging.INFO, "cstar.cloud"):
            serve(body)
        return [getattr(record, "fields", {}) for record in caplog.records if record.getMessage() == "request"]

    return run


def test_a_request_is_one_line_with_its_id_and_team(lines: Lines) -> None:
    ids: list[str] = []

    async def check(there: There) -> None:
        answer = await there.post({"type": "ticket.created"})
        ids.append(answer.headers["x-cstar-request-id"])

    [line] = lines(check)
    ms = line.pop("ms")
    assert isinstance(ms, float)
    assert 0 < ms < 10_000
    path = f"/api/v1/teams/{TEAM}/events"
    assert line == {"method": "POST", "path": path, "status": 201, "request_id": ids[0], "team_id": TEAM}


def test_what_guards_refuse_is_a_line_too_without_a_team(lines: Lines) -> None:
    async def check(there: There) -> None:
        await there.get("/events", authorization="Bearer wrong")

    [line] = lines(check)
    assert (line["status"], line["team_id"]) == (401, None)
    assert line["request_id"]


def test_neither_query_nor_token_is_in_it(lines: Lines) -> None:
    async def check(there: There) -> None:
        await there.get("/events?events=very.secret&token=very-secret")

    [line] = lines(check)
    assert "secret" not in str(line)
    assert TOKEN not in str(line)


def test_a_path_that_breaks_lines_is_shown_as_it_was_sent(lines: Lines) -> None:
    async def check(there: There) -> None:
        await there.get("/events/a%0Ab%1B%5B31m%C3%A9")

    [line] = lines(check)
    assert line["path"] == f"/api/v1/teams/{TEAM}/events/a%0Ab%1B%5B31m%C3%A9"


def test_probes_are_not_worth_a_line(lines: Lines) -> None:
    async def check(there: There) -> None:
        for path in ("/health", "/ready", "/metrics"):
            assert await there.raw_status(f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close") == 200

    assert lines(check) == []


def test_a_client_that_goes_away_before_its_answer_is_499(lines: Lines) -> None:
    async def check(there: There) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", there.port)
        head = f"POST /api/v1/teams/{TEAM}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        await writer.drain()
        await there.get("/health")
        writer.close()
        await writer.wait_closed()

    statuses = [line["status"] for line in lines(check)]
    assert statuses[0] == 200
    assert statuses[1] in (400, 499)


def test_a_refused_tunnel_is_a_line_and_an_accepted_one_is_none(lines: Lines) -> None:
    async def check(there: There) -> None:
        with pytest.raises(InvalidStatus):
            async with dialled(there, authorization="Bearer wrong"):
                pass
        async with opened(there):
            pass

    [line] = lines(check)
    assert (line["path"], line["status"]) == (f"/api/v1/teams/{TEAM}/tunnel", 401)
    assert line["request_id"]
