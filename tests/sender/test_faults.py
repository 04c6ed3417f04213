"""Receivers that hang, drip, never end, speak nonsense or go away."""

import asyncio
import gc
import socket
import struct
from pathlib import Path

import pytest

from cstar_cli.sender.answer import BODY_LIMIT, AnswerReader
from cstar_cli.sender.connection import Connection
from cstar_cli.sender.outcome import Failure, Outcome

from .receivers import (
    BODY,
    HEADERS,
    OK,
    Receiver,
    Script,
    Setup,
    answering,
    answering_once,
    receiver,
    repeating,
)

DEADLINE_S = 0.25
HEAD = b"HTTP/1.1 200 OK\r\n"


async def hang(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await there.read_request(reader)
    await asyncio.Event().wait()


async def hang_until_left(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await there.read_request(reader)
    await reader.read()


async def never_read(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # typed as write-only; a socket has both ends
    await asyncio.Event().wait()


async def answer_at_once(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    await asyncio.Event().wait()


async def greet(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    await asyncio.Event().wait()


async def reset(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await there.read_request(reader)
    linger_none = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
    writer.transport.abort()


DRIPPING = [
    pytest.param(repeating(HEAD, b"X-A: 1\r\n", 0.02), None, id="headers"),
    pytest.param(repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05), None, id="interim answers"),
    pytest.param(repeating(HEAD + b"\r\n", b"x", 0.02), 200, id="body"),
    pytest.param(repeating(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.02), 200, id="chunks"),
]


@pytest.mark.parametrize(("script", "status"), [pytest.param(hang, None, id="nothing"), *DRIPPING])
def test_a_receiver_that_never_finishes_is_cut_at_the_deadline(
    setup: Setup, script: Script, status: int | None
) -> None:
    outcome = setup.post_to(script, timeout_s=DEADLINE_S)
    assert (outcome.succeeded, outcome.failure, outcome.status) == (False, Failure.TIMEOUT, status)
    assert 0.95 * DEADLINE_S <= outcome.duration_ms / 1000 < DEADLINE_S + 0.5


def test_the_error_says_how_long_was_waited(setup: Setup) -> None:
    assert setup.post_to(hang, timeout_s=DEADLINE_S).error == "no answer within 0.25 s"


def test_what_came_before_the_deadline_is_kept(setup: Setup) -> None:
    outcome = setup.post_to(answering(HEAD + b"Content-Length: 9\r\n\r\nab"), timeout_s=DEADLINE_S)
    assert (outcome.failure, outcome.headers, outcome.body) == (
        Failure.TIMEOUT,
        (("Content-Length", "9"),),
        b"ab",
    )


def test_the_error_of_a_cut_body_names_the_status(setup: Setup) -> None:
    outcome = setup.post_to(repeating(HEAD + b"\r\n", b"x", 0.02), timeout_s=DEADLINE_S)
    assert outcome.error == "answered 200, but did not finish within 0.25 s"


def test_a_connection_cut_at_the_deadline_is_closed(setup: Setup) -> None:
    async def scenario() -> None:
        async with receiver(repeating(HEAD + b"\r\n", b"x", 0.01)) as there, setup.sender() as sender:
            await sender.post(there.target(), HEADERS, BODY, DEADLINE_S)
            await asyncio.wait_for(there.left.wait(), 5)

    setup.run(scenario())


def test_a_receiver_that_does_not_read_a_large_body_is_cut_at_the_deadline(setup: Setup) -> None:
    outcome = setup.post_to(never_read, b"x" * (16 << 20), DEADLINE_S)
    assert (outcome.failure, outcome.duration_ms / 1000 < DEADLINE_S + 0.5) == (Failure.TIMEOUT, True)


def test_an_answer_before_the_body_was_read_counts(setup: Setup) -> None:
    outcome = setup.post_to(answer_at_once, b"x" * (16 << 20))
    assert (outcome.status, outcome.failure) == (413, None)


@pytest.mark.parametrize("framing", [b"", b"Content-Length: 99999999\r\n"])
def test_an_endless_body_is_cut_at_the_limit_and_the_status_decides(setup: Setup, framing: bytes) -> None:
    outcome = setup.post_to(repeating(HEAD + framing + b"\r\n", b"x" * 65536))
    assert (outcome.succeeded, outcome.body) == (True, b"x" * BODY_LIMIT)


def test_a_compressed_body_stays_compressed(setup: Setup) -> None:
    bomb = b"\x1f\x8b" + b"\0" * 50_000
    outcome = setup.post_to(answering(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 50002\r\n\r\n", bomb))
    assert outcome.body == bomb[:BODY_LIMIT]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (repeating(HEAD, b"X-A: " + b"a" * 1000 + b"\r\n"), "the answer's headers are longer than 64 KiB"),
        (answering(HEAD + b"X-A: " + b"a" * 200_000), "the answer's headers are longer than 64 KiB"),
        (repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "more than 16 interim answers (1xx)"),
        (answering(b"SSH-2.0-OpenSSH_9.6\r\n"), "not an HTTP answer"),
        (answering_once(b"\x00\x01\x02"), "not an HTTP answer"),
        (repeating(b"", b"garbage"), "not an HTTP answer"),
        (greet, "not an HTTP answer"),
    ],
)
def test_what_is_not_an_answer_is_a_protocol_failure(setup: Setup, script: Script, error: str) -> None:
    outcome = setup.post_to(script)
    assert (outcome.failure, outcome.status, outcome.error) == (Failure.PROTOCOL, None, error)


@pytest.mark.parametrize(
    "script",
    [
        hang_until_left,
        repeating(HEAD, b"X-A: " + b"a" * 1000 + b"\r\n"),
        repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        repeating(HEAD + b"\r\n", b"x" * 65536),
        answering(b"SSH-2.0-OpenSSH_9.6\r\n"),
    ],
)
def test_what_came_is_forgotten_without_the_garbage_collector(setup: Setup, script: Script) -> None:
    gc.collect()
    gc.disable()
    try:
        setup.post_to(script, timeout_s=DEADLINE_S)
        left = [one for one in gc.get_objects() if isinstance(one, Connection | AnswerReader)]
    finally:
        gc.enable()
    assert not left


def test_chunks_that_are_not_http_are_a_protocol_failure_beside_the_status(setup: Setup) -> None:
    outcome = setup.post_to(answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n"))
    assert (outcome.failure, outcome.status) == (Failure.PROTOCOL, 200)


@pytest.mark.parametrize(
    ("script", "status", "error"),
    [
        (answering_once(), None, "connection closed before an answer"),
        (reset, None, "connection closed before an answer"),
        (answering_once(HEAD), None, "connection closed in the middle of the answer's headers"),
        (
            answering_once(HEAD + b"Content-Length: 9\r\n\r\nab"),
            200,
            "answered 200, but the connection closed before the end of the body",
        ),
    ],
)
def test_a_connection_that_closes_too_soon_is_a_failure(
    setup: Setup, script: Script, status: int | None, error: str
) -> None:
    outcome = setup.post_to(script)
    assert (outcome.succeeded, outcome.failure, outcome.status, outcome.error) == (
        False,
        Failure.RESET,
        status,
        error,
    )


def test_a_new_connection_that_closes_is_not_tried_again(setup: Setup) -> None:
    _, there = setup.posts_to(answering_once(), 1)
    assert there.connections == 1


def test_a_cancelled_post_closes_its_connection(setup: Setup) -> None:
    async def scenario() -> None:
        async with receiver(hang_until_left) as there, setup.sender() as sender:
            post = asyncio.ensure_future(sender.post(there.target(), HEADERS, BODY, None))
            await there.asked.wait()
            post.cancel()
            with pytest.raises(asyncio.CancelledError):
                await post
            await asyncio.wait_for(there.left.wait(), 5)

    setup.run(scenario())


def test_closing_the_sender_cuts_what_is_in_flight(setup: Setup) -> None:
    async def scenario() -> tuple[Outcome, Receiver]:
        async with receiver(hang) as there, setup.sender() as sender:
            post = asyncio.ensure_future(sender.post(there.target(), HEADERS, BODY, None))
            await there.asked.wait()
            await sender.close()
            return await post, there

    outcome, there = setup.run(scenario())
    assert (outcome.failure, there.connections) == (Failure.RESET, 1)


def test_a_sender_closed_while_it_connects_sends_nothing(setup: Setup) -> None:
    async def scenario() -> tuple[Outcome, Receiver]:
        looking, found = asyncio.Event(), asyncio.Event()

        async def resolve(host: str, port: int) -> list[str]:
            looking.set()
            await found.wait()
            return ["127.0.0.1"]

        async with receiver(answering(OK)) as there, setup.sender(resolve=resolve) as sender:
            post = asyncio.ensure_future(sender.post(there.target("receiver.test"), HEADERS, BODY, None))
            await looking.wait()
            await sender.close()
            found.set()
            return await post, there

    outcome, there = setup.run(scenario())
    assert (outcome.failure, there.requests) == (Failure.RESET, [])


def test_once_the_sender_is_closed_its_sockets_are_gone(setup: Setup) -> None:
    def open_files() -> int:
        return sum(1 for _ in Path("/dev/fd").iterdir())

    async def scenario() -> tuple[int, int]:
        async with receiver(hang) as there, setup.sender() as sender:
            posts = [asyncio.ensure_future(sender.post(there.target(), HEADERS, BODY, None)) for _ in range(3)]
            while len(there.requests) < 3:
                there.asked.clear()
                await there.asked.wait()
            before = open_files()
            await sender.close()
            after = open_files()
            await asyncio.gather(*posts)
            return before, after

    before, after = setup.run(scenario())
    assert after <= before - 3


def test_a_post_cut_by_closing_the_sender_is_not_sent_again_as_stale(setup: Setup) -> None:
    async def answer_the_first(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await there.read_request(reader):
            if len(there.requests) == 1:
                writer.write(OK)
                there.asked.clear()

    async def scenario() -> tuple[Outcome, Receiver]:
        async with receiver(answer_the_first) as there, setup.sender() as sender:
            await sender.post(there.target(), HEADERS, BODY, None)
            post = asyncio.ensure_future(sender.post(there.target(), HEADERS, BODY, None))
            await there.asked.wait()
            await sender.close()
            return await post, there

    outcome, there = setup.run(scenario())
    assert (outcome.failure, there.connections) == (Failure.RESET, 1)
