"""Receivers that are down, slow, wrong or hostile: each is a failed attempt with its reason, and `listen` goes on."""

import contextlib
import json
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


def event_id(line: str) -> str:
    """Return the event's id in an answer of the API."""
    found = json.loads(line)["data"]["event"]["id"]
    assert isinstance(found, str)
    return found


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


def test_events_wait_in_their_order_for_a_receiver_that_is_down(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar
) -> None:
    port = free_port()
    listener = listening("-f", f"http://127.0.0.1:{port}/webhook", "--concurrency", "1")
    assert listener.next_of("down")["forward_to"] == f"http://127.0.0.1:{port}/webhook"
    made = cstar("trigger", "ticket.created", "--count", "40", "--json").stdout.splitlines()
    app = receiver(port=port)
    back = listener.next_of("up")
    assert 0 < back["waited"] <= 33  # as many as it takes at a time; the cloud keeps the others
    assert [json.loads(request.body)["id"] for request in app.wait_for(40)] == [event_id(line) for line in made]
    assert {line["outcome"] for line in listener.take(40)} == {"succeeded"}


def test_what_a_receiver_had_in_its_hands_as_it_was_restarted_is_sent_again(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as dying:
        port = dying.getsockname()[1]
        listener = listening("-f", f"http://127.0.0.1:{port}/webhook")
        cstar("trigger", "ticket.created")
        while True:
            connection, _ = dying.accept()
            if b"x-cstar-delivery" in connection.recv(65536):  # and no look whether anyone is there
                break
            connection.close()
    connection.close()
    listener.next_of("down")
    app = receiver(port=port)
    assert listener.next_of("up")["waited"] == 1
    line = listener.next_of("forwarded")
    assert (line["outcome"], line["attempt"]) == ("succeeded", 1)
    assert app.wait_for(1)[0].headers["x-cstar-delivery"] == line["delivery_id"]


def test_ctrl_c_while_a_receiver_is_down_ends_at_once_and_tells_of_no_failure(
    listening: StartListening, cstar: RunCstar
) -> None:
    listener = listening("-f", str(free_port()))
    listener.next_of("down")
    cstar("trigger", "ticket.created")
    assert listener.stop(5) == 130
    summary, *hint = listener.stderr.splitlines()
    assert summary.startswith("Stopped: 0 forwarded, 0 succeeded, 0 failed.")
    assert all("cstar listen --since" in line for line in hint)  # none where the event hadn't come by then
    assert listener.rest() == []


def test_where_it_is_asked_for_a_receiver_that_is_down_fails_with_its_address(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar
) -> None:
    port = free_port()
    listener = listening("-f", f"http://127.0.0.1:{port}/webhook", "--on-down", "fail")
    cstar("trigger", "ticket.created")
    assert listener.next()["error"] == f"connection refused by 127.0.0.1:{port}"
    receiver(port=port)
    cstar("trigger", "ticket.created")
    assert listener.next()["outcome"] == "succeeded"


def test_the_other_loopback_address_is_named_when_it_would_have_answered(cstar: RunCstar) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:
        port = listening.getsockname()[1]
        done = cstar("trigger", "ticket.created", "--forward-to", f"http://127.0.0.1:{port}/hook")
    assert f"http://[::1]:{port}/hook" in done.stdout + done.stderr
    assert done.returncode == 1
