import asyncio
import json
from contextlib import suppress

import pytest

from cstar_cli.cloud.api.heads import MAX_HEAD_BYTES

from ..serving import TOKEN, Serve, There
from ..store.making import TEAM

FLOOD = b"x" * 65536
POST = f"POST /api/v1/teams/{TEAM}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"


async def exchange(there: There, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send the parts, as far as they are taken, and return what is answered before the connection closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            if writer.is_closing() or reader.at_eof():
                break
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, body


def is_refusal(answer: tuple[int, dict[str, str], bytes], status: int, code: str) -> bool:
    found, headers, body = answer
    error = json.loads(body)["error"]
    assert (found, error["type"], error["code"]) == (status, "invalid_request_error", code)
    assert headers["x-cstar-request-id"] == error["request_id"].lower()
    assert headers["connection"] == "close"
    assert int(headers["content-length"]) == len(body)
    return True


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /" + FLOOD,
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: " + FLOOD,
        b"GET /health HTTP/1.1\r\n" + b"X-Many: 1\r\n" * (MAX_HEAD_BYTES // 11 + 1),
    ],
)
def test_a_head_without_end_is_refused(serve: Serve, beginning: bytes) -> None:
    async def check(there: There) -> None:
        assert is_refusal(await exchange(there, beginning), 431, "headers_too_large")

    serve(check)


def test_trailers_without_end_are_hung_up_on(serve: Serve) -> None:
    async def check(there: There) -> None:
        beginning = POST.encode() + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-Trailer: "
        with suppress(ConnectionError):  # what was sent and not read resets the connection
            assert is_refusal(await exchange(there, beginning, *[FLOOD] * 32), 431, "headers_too_large")
        assert (await there.get("/health")).is_success

    serve(check)


def test_a_long_head_that_ends_is_read(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert (await there.get("/health", x_long="x" * (MAX_HEAD_BYTES - 2000))).is_success

    serve(check)


def test_a_long_body_is_no_head(serve: Serve) -> None:
    async def check(there: There) -> None:
        body = json.dumps({"type": "ticket.created", "data": {"id": "x" * 500_000}}).encode()

        async def in_chunks() -> object:
            for start in range(0, len(body), 1000):
                yield body[start : start + 1000]

        for content in (body, in_chunks()):
            assert (await there.client.post("/events", content=content)).status_code == 201  # type: ignore[arg-type] # bytes

    serve(check)


@pytest.mark.parametrize(
    "request_", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"\x16\x03\x01"]
)
def test_what_is_no_request_is_refused_in_the_error_shape(serve: Serve, request_: bytes) -> None:
    async def check(there: There) -> None:
        assert is_refusal(await exchange(there, request_), 400, "bad_request")

    serve(check)
