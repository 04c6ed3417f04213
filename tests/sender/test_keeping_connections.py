"""When a connection is used again, when not, and what happens when it went stale meanwhile."""

import asyncio

import pytest

from cstar_cli.sender.outcome import Failure, Outcome

from .receivers import BODY, HEADERS, OK, Receiver, Script, Setup, answering, answering_once, receiver


def stale_after(answers: int, last_words: bytes = b"", alive_connections: int = 1) -> Script:
    """Answer some requests on each of the first connections, then close at the next; later ones always answer."""

    async def script(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stale = there.connections <= alive_connections
        answered = 0
        while await there.read_request(reader):
            if stale and answered == answers:
                writer.write(last_words)
                writer.close()
                return
            writer.write(OK)
            answered += 1

    return script


def test_a_connection_is_used_again(setup: Setup) -> None:
    _, there = setup.posts_to(answering(OK), 5)
    assert (there.connections, len(there.requests)) == (1, 5)


def test_a_post_on_a_kept_connection_has_no_connect_time(setup: Setup) -> None:
    outcomes, _ = setup.posts_to(answering(OK), 2)
    assert [outcome.connect_ms is None for outcome in outcomes] == [False, True]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        OK + b"surplus",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20000,
    ],
)
def test_a_connection_with_anything_left_to_say_is_not_used_again(setup: Setup, answer: bytes) -> None:
    outcomes, there = setup.posts_to(answering(answer), 2)
    assert ([outcome.status for outcome in outcomes], there.connections) == ([200, 200], 2)


def test_a_connection_that_the_receiver_closed_is_not_used_again(setup: Setup) -> None:
    outcomes, there = setup.posts_to(answering_once(OK), 3)
    assert ([outcome.status for outcome in outcomes], there.connections) == ([200] * 3, 3)


def test_bytes_on_an_idle_connection_are_never_the_next_answer(setup: Setup) -> None:
    async def speak_unasked(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await there.read_request(reader)
        writer.write(OK)
        await writer.drain()
        if there.connections == 1:
            await asyncio.sleep(0)
            writer.write(b"HTTP/1.1 500 Stray\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    async def scenario() -> tuple[Outcome, Receiver]:
        async with receiver(speak_unasked) as there, setup.sender() as sender:
            await sender.post(there.target(), HEADERS, BODY, 5.0)
            await asyncio.wait_for(there.left.wait(), 5)
            return await sender.post(there.target(), HEADERS, BODY, 5.0), there

    outcome, there = setup.run(scenario())
    assert (outcome.status, there.connections) == (200, 2)


def test_a_stale_connection_is_replaced_at_once_within_the_same_post(setup: Setup) -> None:
    outcomes, there = setup.posts_to(stale_after(1), 2)
    assert ([outcome.status for outcome in outcomes], there.connections) == ([200, 200], 2)


def test_the_replacement_of_a_stale_connection_is_a_new_one(setup: Setup) -> None:
    async def scenario() -> tuple[Outcome, Receiver]:
        async with receiver(stale_after(1, alive_connections=2)) as there, setup.sender() as sender:
            target = there.target()
            await asyncio.gather(*(sender.post(target, HEADERS, BODY, 5.0) for _ in range(2)))
            return await sender.post(target, HEADERS, BODY, 5.0), there

    outcome, there = setup.run(scenario())
    assert (outcome.status, there.connections) == (200, 3)


def test_a_receiver_that_keeps_closing_is_tried_only_once_more(setup: Setup) -> None:
    async def close_at_the_second(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await there.read_request(reader)
        if there.connections == 1:
            writer.write(OK)
            await there.read_request(reader)

    outcomes, there = setup.posts_to(close_at_the_second, 2)
    assert (outcomes[1].failure, there.connections) == (Failure.RESET, 2)


def test_a_kept_connection_that_began_to_answer_is_not_stale(setup: Setup) -> None:
    outcomes, there = setup.posts_to(stale_after(1, last_words=b"HTTP/1.1 5"), 2)
    assert (outcomes[1].failure, there.connections) == (Failure.RESET, 1)


def test_a_kept_connection_that_hangs_is_not_stale(setup: Setup) -> None:
    async def hang_at_the_2nd(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await there.read_request(reader)
        writer.write(OK)
        await reader.read()

    outcomes, there = setup.posts_to(hang_at_the_2nd, 2, timeout_s=0.25)
    assert (outcomes[1].failure, there.connections) == (Failure.TIMEOUT, 1)


def test_the_deadline_of_one_post_does_not_cut_the_next(setup: Setup) -> None:
    async def hang_at_the_2nd(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await there.read_request(reader)
        writer.write(OK)
        await reader.read()

    async def scenario() -> Outcome:
        async with receiver(hang_at_the_2nd) as there, setup.sender() as sender:
            await sender.post(there.target(), HEADERS, BODY, 0.1)
            return await sender.post(there.target(), HEADERS, BODY, 0.3)

    assert setup.run(scenario()).duration_ms > 280


def test_a_connection_is_kept_for_its_origin_only(setup: Setup) -> None:
    async def scenario() -> tuple[int, int]:
        async with (
            receiver(answering(OK)) as one,
            receiver(answering(OK)) as other,
            setup.sender() as sender,
        ):
            for there in (one, other, one, other):
                assert (await sender.post(there.target(), HEADERS, BODY, 5.0)).succeeded
            return one.connections, other.connections

    assert setup.run(scenario()) == (1, 1)


def test_past_the_most_kept_the_oldest_goes(setup: Setup) -> None:
    async def scenario() -> list[int]:
        async with (
            receiver(answering(OK)) as first,
            receiver(answering(OK)) as second,
            setup.sender(max_connections=1) as sender,
        ):
            await sender.post(first.target(), HEADERS, BODY, 5.0)
            await sender.post(second.target(), HEADERS, BODY, 5.0)
            await asyncio.wait_for(first.left.wait(), 5)
            await sender.post(second.target(), HEADERS, BODY, 5.0)
            await sender.post(first.target(), HEADERS, BODY, 5.0)
            return [first.connections, second.connections]

    assert setup.run(scenario()) == [2, 1]


def test_keeping_none_closes_each(setup: Setup) -> None:
    _, there = setup.posts_to(answering(OK), 3, max_connections=0)
    assert there.connections == 3


def test_a_connection_idle_for_too_long_is_not_used(setup: Setup) -> None:
    now = [1000.0]

    async def scenario() -> int:
        async with receiver(answering(OK)) as there, setup.sender(clock=lambda: now[0]) as sender:
            for _ in range(2):
                await sender.post(there.target(), HEADERS, BODY, 5.0)
                now[0] += 31
            return there.connections

    assert setup.run(scenario()) == 2


def test_a_connection_is_idle_from_the_end_of_its_exchange(setup: Setup) -> None:
    now = [1000.0]

    async def slowly(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await there.read_request(reader):
            now[0] += 31
            writer.write(OK)

    async def scenario() -> int:
        async with receiver(slowly) as there, setup.sender(clock=lambda: now[0]) as sender:
            for _ in range(2):
                await sender.post(there.target(), HEADERS, BODY, None)
            return there.connections

    assert setup.run(scenario()) == 1


def test_the_connection_used_last_is_used_first_so_that_the_others_may_go(setup: Setup) -> None:
    async def name_itself(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = b"%d" % there.connections
        while await there.read_request(reader):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + name)

    async def scenario() -> set[bytes]:
        async with receiver(name_itself) as there, setup.sender() as sender:
            target = there.target()
            await asyncio.gather(*(sender.post(target, HEADERS, BODY, 5.0) for _ in range(2)))
            return {(await sender.post(target, HEADERS, BODY, 5.0)).body for _ in range(4)}

    assert len(setup.run(scenario())) == 1


def test_an_idle_connection_is_closed_without_another_post(setup: Setup) -> None:
    async def scenario() -> None:
        async with receiver(answering(OK)) as there, setup.sender(idle_timeout_s=0.05) as sender:
            await sender.post(there.target(), HEADERS, BODY, 5.0)
            await asyncio.wait_for(there.left.wait(), 5)

    setup.run(scenario())


def test_closing_the_sender_closes_what_is_kept(setup: Setup) -> None:
    async def scenario() -> None:
        async with receiver(answering(OK)) as there:
            async with setup.sender() as sender:
                await sender.post(there.target(), HEADERS, BODY, 5.0)
            await asyncio.wait_for(there.left.wait(), 5)

    setup.run(scenario())
