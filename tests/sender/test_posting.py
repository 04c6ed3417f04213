"""One post to a receiver that behaves, and to those that answer with something else than 2xx."""

import asyncio

import pytest

from cstar_cli.sender.outcome import Outcome

from .receivers import BODY, HEADERS, OK, Receiver, Setup, answering, answering_once, receiver


def test_a_post_arrives_as_it_was_given(setup: Setup) -> None:
    _, there = setup.posts_to(answering(OK), 1)
    assert there.requests == [
        f"POST /webhook HTTP/1.1\r\nHost: 127.0.0.1:{there.port}\r\n".encode()
        + b"x-cstar-event: ticket.created\r\nContent-Length: 14\r\n\r\n"
        + BODY
    ]


def test_a_2xx_succeeds_with_its_headers_and_body(setup: Setup) -> None:
    outcome = setup.post_to(answering(OK))
    assert (outcome.succeeded, outcome.status, outcome.headers, outcome.body, outcome.error) == (
        True,
        200,
        (("Content-Length", "2"),),
        b"ok",
        None,
    )


def test_the_times_of_an_exchange_are_in_order(setup: Setup) -> None:
    outcome = setup.post_to(answering(OK))
    assert outcome.connect_ms is not None
    assert outcome.first_byte_ms is not None
    assert 0 < outcome.connect_ms < outcome.first_byte_ms <= outcome.duration_ms < 5000


def test_the_times_are_finer_than_a_millisecond(setup: Setup) -> None:
    outcomes, _ = setup.posts_to(answering(OK), 5)
    assert any(abs(outcome.duration_ms - round(outcome.duration_ms)) > 1e-6 for outcome in outcomes)


@pytest.mark.parametrize("status", [400, 404, 413, 429, 500, 503])
def test_another_status_fails_in_those_words(setup: Setup, status: int) -> None:
    outcome = setup.post_to(answering(b"HTTP/1.1 %d No\r\nContent-Length: 4\r\n\r\noops" % status))
    assert (outcome.succeeded, outcome.status, outcome.failure, outcome.body, outcome.error) == (
        False,
        status,
        None,
        b"oops",
        f"answered {status}",
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_gets_exactly_one_request(setup: Setup, status: int) -> None:
    async def scenario() -> tuple[Outcome, Receiver, Receiver]:
        async with receiver(answering(OK)) as elsewhere:
            redirect = b"HTTP/1.1 %d Go\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"
            answer = redirect % (status, elsewhere.target().url.encode())
            async with receiver(answering(answer)) as there, setup.sender() as sender:
                return await sender.post(there.target(), HEADERS, BODY, 5.0), there, elsewhere

    outcome, there, elsewhere = setup.run(scenario())
    assert (outcome.error, len(there.requests), elsewhere.connections) == (
        f"answered {status} (redirects are not followed)",
        1,
        0,
    )


def test_a_chunked_answer_is_read(setup: Setup) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert setup.post_to(answering(head, b"3\r\nabc\r\n", b"0\r\n\r\n")).body == b"abc"


def test_a_body_that_ends_with_the_connection_is_read(setup: Setup) -> None:
    outcome = setup.post_to(answering_once(b"HTTP/1.1 200 OK\r\n\r\n", b"until the end"))
    assert (outcome.succeeded, outcome.body) == (True, b"until the end")


def test_204_needs_no_body(setup: Setup) -> None:
    assert setup.post_to(answering(b"HTTP/1.1 204 No Content\r\n\r\n")).succeeded


def test_interim_answers_come_before_the_answer(setup: Setup) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert setup.post_to(answering(interim, OK)).status == 200


def test_a_large_body_arrives_whole(setup: Setup) -> None:
    body = bytes(range(256)) * 4096
    _, there = setup.posts_to(answering(OK), 1, body)
    assert there.requests[0].partition(b"\r\n\r\n")[2] == body


def test_no_deadline_means_none(setup: Setup) -> None:
    assert setup.post_to(answering(OK), timeout_s=None).succeeded


def test_many_posts_at_once_get_each_its_own_answer(setup: Setup) -> None:
    async def echo(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await there.read_request(reader):
            body = there.requests[-1].partition(b"\r\n\r\n")[2]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    async def scenario() -> list[Outcome]:
        async with receiver(echo) as there, setup.sender() as sender:
            posts = (sender.post(there.target(), HEADERS, b"%d" % n, 5.0) for n in range(64))
            return await asyncio.gather(*posts)

    assert [outcome.body for outcome in setup.run(scenario())] == [b"%d" % n for n in range(64)]


def test_proxies_of_the_environment_are_not_used(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert setup.post_to(answering(OK)).succeeded


def test_headers_that_cannot_be_sent_are_the_callers_fault(setup: Setup) -> None:
    async def scenario() -> None:
        async with receiver(answering(OK)) as there, setup.sender() as sender:
            await sender.post(there.target(), [("x", "a\r\nb: c")], BODY, 5.0)

    with pytest.raises(ValueError, match="CR, LF or NUL"):
        setup.run(scenario())
