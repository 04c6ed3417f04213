"""A look at a receiver: a connection, and nothing on it."""

import asyncio

from cstar_cli.sender.connect import Unconnected
from cstar_cli.sender.outcome import Failure
from cstar_cli.sender.target import Target

from ..processes import free_port
from .receivers import HEADERS, OK, Receiver, Setup, answering, receiver
from .test_connecting import finding, server_context, silent


def why(fault: Unconnected | None) -> Failure | None:
    return None if fault is None else fault.failure


def look(setup: Setup, url: str, timeout_s: float = 5.0, **settings: object) -> Failure | None:
    async def scenario() -> Failure | None:
        async with setup.sender(**settings) as sender:
            return why(await sender.look(Target.parse(url), timeout_s))

    return setup.run(scenario())


def test_a_receiver_that_is_there_is_connected_to_and_left_without_a_request(setup: Setup) -> None:
    async def scenario() -> tuple[Failure | None, Receiver]:
        async with receiver(answering(OK)) as there, setup.sender() as sender:
            found = why(await sender.look(there.target(), 5.0))
            await there.left.wait()
            return found, there

    found, there = setup.run(scenario())
    assert (found, there.connections, there.requests) == (None, 1, [])


def test_the_connection_of_a_look_carries_no_later_post(setup: Setup) -> None:
    async def scenario() -> Receiver:
        async with receiver(answering(OK)) as there, setup.sender() as sender:
            await sender.look(there.target(), 5.0)
            assert (await sender.post(there.target(), HEADERS, b"{}", 5.0)).succeeded
            return there

    assert setup.run(scenario()).connections == 2


def test_a_port_where_nothing_listens_refuses(setup: Setup) -> None:
    assert look(setup, f"http://127.0.0.1:{free_port()}/") is Failure.REFUSED


def test_one_that_takes_no_connection_is_silent(setup: Setup) -> None:
    port = free_port()
    with silent("127.0.0.1", port):
        assert look(setup, f"http://127.0.0.1:{port}/", timeout_s=0.05) is Failure.TIMEOUT


def test_a_certificate_that_is_wrong_is_told_from_a_port_that_refuses(setup: Setup) -> None:
    async def scenario() -> Failure | None:
        async with receiver(answering(OK), server_context()) as there, setup.sender() as sender:
            return why(await sender.look(there.target(), 5.0))

    assert setup.run(scenario()) is Failure.TLS


def test_a_name_that_means_nothing_is_no_refusal(setup: Setup) -> None:
    assert look(setup, "http://receiver.test/", resolve=finding()) is Failure.DNS


def test_a_look_that_is_given_up_at_any_moment_leaves_nothing_open(setup: Setup) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10), receiver(answering(OK)) as there, setup.sender() as sender:
            for turns in range(12):
                looking = loop.create_task(sender.look(there.target(), 5.0))
                for _ in range(turns):
                    await asyncio.sleep(0)
                looking.cancel()
                await asyncio.wait([looking])

    setup.run(scenario())  # a sender waits at its end until nothing is open
