"""A post in pieces: the receiver gets it whole, and what it says before the end ends it."""

import asyncio

import pytest

from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.target import Target
from cstar_cli.sender.trickle import pieces_of

from .receivers import BODY, HEADERS, OK, Receiver, Script, Setup, answering, receiver


def test_the_head_is_a_piece_of_its_own_and_the_body_is_cut_evenly() -> None:
    assert pieces_of(b"head" + b"0123456789", 10, 4) == [b"head", b"012", b"345", b"678", b"9"]
    assert pieces_of(b"head", 0, 4) == [b"head"]
    assert pieces_of(b"headab", 2, 4) == [b"head", b"a", b"b"]


async def posted(setup: Setup, script: Script, pause_s: float, timeout_s: float) -> tuple[list[Outcome], Receiver]:
    """Post twice, slowly and then at once, which takes the kept connection if there is one."""
    async with receiver(script) as there, setup.sender() as sender:
        target: Target = there.target()
        slow = await sender.post_slowly(target, HEADERS, BODY, timeout_s, pieces=4, pause_s=pause_s)
        if slow.failure is None:
            return [slow, await sender.post(target, HEADERS, BODY, timeout_s)], there
        return [slow], there


def test_it_arrives_as_if_it_had_been_sent_at_once_and_its_connection_is_kept(setup: Setup) -> None:
    outcomes, there = setup.run(posted(setup, answering(OK), 0.001, 5))
    assert [outcome.status for outcome in outcomes] == [200, 200]
    assert there.requests[0] == there.requests[1]
    assert there.connections == 1


def test_an_answer_before_its_end_ends_it_and_its_connection(setup: Setup) -> None:
    async def refuse_early(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 408 Slow\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    outcomes, there = setup.run(posted(setup, refuse_early, 30, 60))
    assert [outcome.status for outcome in outcomes] == [408, 408]
    assert there.connections == 2


@pytest.mark.parametrize("pause_s", [0.001, 30])
def test_its_deadline_is_for_all_of_it(setup: Setup, pause_s: float) -> None:
    async def silent(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    [outcome], _ = setup.run(posted(setup, silent, pause_s, 0.05))
    assert outcome.failure is Failure.TIMEOUT
