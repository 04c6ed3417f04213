"""Receivers that are down, slow, wrong or hostile: each is a failed attempt with its reason, and `listen` goes on."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from ..processes import RunCstar, StartListening, free_port
from ..receiver import Answer, StartReceiver

Behave = Callable[[socket.socket], None]


@contextlib.contextmanager
def raw_server(behave: Behave) -> Iterator[str]:
    """Serve connections with a function that may break any rule of HTTP; yields the URL."""

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65536)
                    behave(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/webhook"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def pour_for_ever(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")


def drip_for_ever(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while connection.send(b"x"):
        threading.Event().wait(0.05)


def talk_garbage(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example.com ESMTP ready\r\n")


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("behave", "status", "outcome", "error"),
    [
        (pour_for_ever, 200, "succeeded", None),
        (drip_for_ever, 200, "failed", "answered 200, but did not finish within 0.5 s"),
        (talk_garbage, None, "failed", "not an HTTP answer"),
        (hang_up, None, "failed", "connection closed before an answer"),
    ],
)
def test_a_receiver_that_breaks_the_rules_has_an_outcome_all_the_same(
    listening: StartListening, cstar: RunCstar, behave: Behave, status: int | None, outcome: str, error: str | None
) -> None:
    with raw_server(behave) as url:
        listener = listening("-f", url, "--timeout", "0.5")
        cstar("trigger", "ticket.created")
        line = listener.next_of("forwarded")
        assert (line["status"], line["outcome"], line["error"]) == (status, outcome, error)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(500), "answered 500"),
        (Answer(301, headers={"Location": "http://127.0.0.1:9/"}), "answered 301 (redirects are not followed)"),
    ],
)
def test_any_status_but_2xx_is_a_failure_and_is_sent_once(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar, answer: Answer, error: str
) -> None:
    app = receiver(answer)
    listener = listening("-f", app.url)
    cstar("trigger", "ticket.created")
    line = listener.next_of("forwarded")
    assert (line["status"], line["outcome"], line["error"]) == (answer.status, "failed", error)
    assert len(app.requests) == 1


def test_a_hanging_receiver_is_cut_at_the_timeout(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar
) -> None:
    listener = listening("-f", receiver(Answer(until=threading.Event())).url, "--timeout", "0.3")
    cstar("trigger", "ticket.created")
    line = listener.next_of("forwarded")
    assert (line["status"], line["error"]) == (None, "no answer within 0.3 s")


def test_a_receiver_that_is_down_fails_with_its_address_and_events_go_on_when_it_is_up(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar
) -> None:
    port = free_port()
    listener = listening("-f", f"http://127.0.0.1:{port}/webhook")
    cstar("trigger", "ticket.created")
    assert listener.next_of("forwarded")["error"] == f"connection refused by 127.0.0.1:{port}"
    receiver(port=port)
    cstar("trigger", "ticket.created")
    assert listener.next_of("forwarded")["outcome"] == "succeeded"


def test_the_other_loopback_address_is_named_when_it_would_have_answered(cstar: RunCstar) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:
        port = listening.getsockname()[1]
        done = cstar("trigger", "ticket.created", "--forward-to", f"http://127.0.0.1:{port}/hook")
    assert f"http://[::1]:{port}/hook" in done.stdout + done.stderr
    assert done.returncode == 1
