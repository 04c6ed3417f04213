"""Posting on a Unix socket, which a server listens on in place of a port."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cstar_cli.errors import UsageError
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.target import LONGEST_SOCKET_PATH, Target

from .receivers import BODY, HEADERS, OK, Receiver, Setup, answering, receiver


@pytest.fixture
def path() -> Iterator[Path]:
    """A path that is short enough for a socket, whatever the test's own folder is."""
    with TemporaryDirectory(prefix="cstar-") as folder:
        yield Path(folder) / "app.sock"


def posts(setup: Setup, path: Path, count: int = 1) -> tuple[list[Outcome], Receiver]:
    async def scenario() -> tuple[list[Outcome], Receiver]:
        async with receiver(answering(OK), socket_path=str(path)) as there, setup.sender() as sender:
            return [await sender.post(there.target(), HEADERS, BODY, 5.0) for _ in range(count)], there

    return setup.run(scenario())


def post(setup: Setup, path: Path, **settings: object) -> Outcome:
    async def scenario() -> Outcome:
        async with setup.sender(**settings) as sender:
            return await sender.post(Target.on_socket(str(path), "/webhook"), HEADERS, BODY, 5.0)

    return setup.run(scenario())


def test_an_event_is_posted_to_localhost_on_the_socket(setup: Setup, path: Path) -> None:
    [outcome], there = posts(setup, path)
    assert (outcome.status, outcome.body) == (200, b"ok")
    assert there.requests[0].startswith(b"POST /webhook HTTP/1.1\r\nHost: localhost\r\n")
    assert there.requests[0].endswith(BODY)


def test_the_connection_is_used_again(setup: Setup, path: Path) -> None:
    outcomes, there = posts(setup, path, 3)
    assert [outcome.status for outcome in outcomes] == [200] * 3
    assert there.connections == 1


def test_two_sockets_share_no_connection(setup: Setup, path: Path) -> None:
    async def scenario() -> tuple[int, int]:
        async with (
            receiver(answering(OK), socket_path=str(path)) as one,
            receiver(answering(OK), socket_path=f"{path}2") as other,
            setup.sender() as sender,
        ):
            for there in (one, other):
                await sender.post(there.target(), HEADERS, BODY, 5.0)
            return len(one.requests), len(other.requests)

    assert setup.run(scenario()) == (1, 1)


def test_a_socket_that_is_not_there_is_refused_in_its_own_words(setup: Setup, path: Path) -> None:
    outcome = post(setup, path)
    assert (outcome.failure, outcome.error) == (Failure.REFUSED, f"there is no socket {path}")


def test_a_socket_that_nobody_listens_on_any_more_is_refused(setup: Setup, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    outcome = post(setup, path)
    assert (outcome.failure, outcome.error) == (Failure.REFUSED, f"connection refused by {path}")


def test_a_file_that_is_no_socket_is_refused(setup: Setup, path: Path) -> None:
    path.write_text("")
    assert post(setup, path).failure is Failure.REFUSED


def test_a_path_as_long_as_a_socket_may_have_is_connected_to(setup: Setup, path: Path) -> None:
    longest = path.with_name("x" * (LONGEST_SOCKET_PATH - len(str(path.parent)) - 1))
    [outcome], _ = posts(setup, longest)
    assert outcome.status == 200
    with pytest.raises(UsageError, match=f"takes {LONGEST_SOCKET_PATH + 1} bytes"):
        Target.on_socket(f"{longest}x", "/")


def test_where_only_public_addresses_are_allowed_no_socket_is_connected_to(setup: Setup, path: Path) -> None:
    async def scenario() -> tuple[Outcome, Receiver]:
        async with (
            receiver(answering(OK), socket_path=str(path)) as there,
            setup.sender(allow=lambda _: True) as sender,
        ):
            return await sender.post(there.target(), HEADERS, BODY, 5.0), there

    outcome, there = setup.run(scenario())
    assert (outcome.failure, there.connections) == (Failure.ADDRESS, 0)


def test_a_socket_whose_server_hangs_is_cut_at_the_deadline(setup: Setup, path: Path) -> None:
    async def hang(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.Event().wait()

    async def scenario() -> Outcome:
        async with receiver(hang, socket_path=str(path)) as there, setup.sender() as sender:
            return await sender.post(there.target(), HEADERS, BODY, 0.25)

    assert setup.run(scenario()).failure is Failure.TIMEOUT
