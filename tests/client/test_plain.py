"""The plain wire against servers that answer as scripted, over real sockets."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from cstar_cli.client.plain import PlainWire
from cstar_cli.client.wire import Cut, Lost, NoConnection, NoHttp, Request, Silent
from cstar_cli.errors import UsageError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REST = b"HTTP/1.1 200 OK\r\n\r\n"


def address(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


@dataclass
class Server:
    """Answers the requests of each connection with its next script, and hangs up after the last answer."""

    listening: socket.socket
    scripts: list[Sequence[bytes]]
    requests: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.base = address(self.listening)

    def serve(self) -> None:
        for script in self.scripts:
            connection, _ = self.listening.accept()
            with connection, connection.makefile("rb") as file:
                for answer in script:
                    head = b"".join(iter(file.readline, b"\r\n"))
                    length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
                    self.requests.append(head + b"\r\n" + file.read(int(length or 0)))
                    connection.sendall(answer)


@contextmanager
def server(*scripts: Sequence[bytes]) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        it = Server(listening, list(scripts))
        thread = threading.Thread(target=it.serve)
        thread.start()
        try:
            yield it
        finally:
            thread.join()


def wire(base: str, clock: Iterator[float] | None = None) -> PlainWire:
    return PlainWire(base, "sk_test_1", (lambda: 0.0) if clock is None else lambda: next(clock))


def body(carrier: PlainWire, url: str, silence_s: float = 5.0) -> bytes:
    with carrier.open(Request("GET", url, {}, silence_s=silence_s)) as reply:
        return b"".join(reply.chunks())


def answered(answer: bytes) -> bytes:
    with server([answer]) as it:
        carrier = wire(it.base)
        try:
            return body(carrier, it.base)
        finally:
            carrier.close()


def test_a_request_has_the_key_the_headers_and_the_body() -> None:
    with server([OK]) as it:
        carrier = wire(it.base)
        request = Request("POST", f"{it.base}/a b?c=d%20e", {"Idempotency-Key": "k"}, "é".encode())
        with carrier.open(request) as reply:
            assert b"".join(reply.chunks()) == b"ok"
        carrier.close()
    head, _, sent = it.requests[0].partition(b"\r\n\r\n")
    assert head.splitlines() == [
        b"POST /a%20b?c=d%20e HTTP/1.1",
        b"Host: " + it.base.removeprefix("http://").encode(),
        b"Authorization: Bearer sk_test_1",
        b"Accept: application/json",
        b"Idempotency-Key: k",
        b"Content-Length: 2",
    ]
    assert sent == "é".encode()


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        REST + b"ok",
        b"HTTP/1.0 200 OK\n\nok",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n01;a=b\r\nk\r\n0\r\nTrailer: x\r\n\r\n",
    ],
)
def test_a_body_is_read_however_its_end_is_told(answer: bytes) -> None:
    assert answered(answer) == b"ok"


def test_an_answer_that_has_no_body_is_not_waited_for() -> None:
    assert answered(b"HTTP/1.1 204 No Content\r\n\r\n") == b""


def test_a_header_is_found_by_its_name_in_any_case() -> None:
    with server([b"HTTP/1.1 429 Busy\r\nRETRY-after:  3 \r\nContent-Length: 0\r\n\r\n"]) as it:
        carrier = wire(it.base)
        with carrier.open(Request("GET", it.base, {})) as reply:
            assert (reply.status, reply.header("retry-after"), reply.header("content-type")) == (429, "3", "")
        carrier.close()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", Cut),
        (b"HTTP/1.1 200 OK\r\n", Cut),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", Cut),
        (CHUNKED + b"3\r\nok", Cut),
        (CHUNKED + b"2\r\nok\r\n", Cut),
        (b"SSH-2.0-OpenSSH\r\n", NoHttp),
        (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", NoHttp),
        (b"HTTP/1.1 200 OK\r\n" + 257 * b"a: b\r\n" + b"\r\n", NoHttp),
        (b"HTTP/1.1 200 OK\r\na: " + 70_000 * b"b" + b"\r\n\r\n", NoHttp),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", NoHttp),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", NoHttp),
        (17 * b"HTTP/1.1 102 Processing\r\n\r\n" + b"HTTP/1.1 200 OK\r\n\r\n", NoHttp),
        (CHUNKED + b"0\r\n" + 257 * b"a: b\r\n" + b"\r\n", NoHttp),
        (b"HTTP/1.1 20", Cut),
        (b"HTTP/1.1 200 OK\r\ncontent-le", Cut),
        (CHUNKED + b"1", Cut),
        (CHUNKED + b"-1\r\n", NoHttp),
        (CHUNKED + b"2\r\nokay\r\n", NoHttp),
    ],
)
def test_an_answer_that_is_cut_off_differs_from_one_that_is_no_http(answer: bytes, error: type[Lost]) -> None:
    with pytest.raises(error):
        answered(answer)


def test_an_address_that_nothing_listens_on_says_why() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base = address(taken)
        with pytest.raises(NoConnection, match="refused"):
            body(wire(base), base)


def test_a_name_that_no_lookup_takes_is_one_that_nothing_answers_on() -> None:
    base = f"http://{'a' * 70}.invalid"
    with pytest.raises(NoConnection):
        body(wire(base), base)


def test_silence_ends_the_wait() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        base = address(listening)
        with pytest.raises(Silent, match=r"nothing came for 0\.01 s"):
            body(wire(base), base, silence_s=0.01)


def test_a_connection_is_kept_for_the_next_request() -> None:
    with server([OK, OK]) as it:
        carrier = wire(it.base)
        assert [body(carrier, it.base), body(carrier, it.base)] == [b"ok", b"ok"]
        carrier.close()


def test_a_connection_is_not_kept_longer_than_the_cloud_may_keep_it() -> None:
    with server([OK], [OK]) as it:
        carrier = wire(it.base, iter([0.0, 2.0, 2.0]))
        assert [body(carrier, it.base), body(carrier, it.base)] == [b"ok", b"ok"]
        carrier.close()


@pytest.mark.parametrize(
    "answer",
    [
        OK.replace(b"\r\n", b"\r\nConnection: Close\r\n", 1),
        OK.replace(b"1.1", b"1.0"),
        REST + b"ok",
        OK + b"unasked",
    ],
)
def test_a_connection_that_has_no_more_to_give_is_not_used_again(answer: bytes) -> None:
    with server([answer], [OK]) as it:
        carrier = wire(it.base)
        assert [body(carrier, it.base), body(carrier, it.base)] == [b"ok", b"ok"]
        carrier.close()


def test_a_connection_whose_answer_is_left_unread_is_not_used_again() -> None:
    with server([OK], [OK]) as it:
        carrier = wire(it.base)
        with carrier.open(Request("GET", it.base, {})):
            pass
        assert body(carrier, it.base) == b"ok"
        carrier.close()


@pytest.mark.parametrize("token", ["sk_test_1\r\nX-Y: z", "sk_tést"])
def test_a_key_that_no_header_can_hold_is_refused(token: str) -> None:
    with pytest.raises(UsageError, match="stray characters"):
        PlainWire("http://127.0.0.1:1", token, lambda: 0.0)


def test_requests_without_tls_load_neither_httpx_nor_the_standard_librarys_client() -> None:
    code = (
        "import sys, cstar_cli.client.api, cstar_cli.client.plain;"
        "print([m for m in ('httpx', 'http', 'email', 'ssl', 'logging', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
