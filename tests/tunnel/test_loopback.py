import asyncio
import socket
from collections.abc import Iterator

import pytest

from cstar_cli.sender.target import Target
from cstar_cli.tunnel.loopback import hint_when_refused, where_else


@pytest.fixture(params=["127.0.0.1", "::1"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, int]]:
    """A server on one loopback address: that address, the other, the port."""
    address: str = request.param
    other = "::1" if address == "127.0.0.1" else "127.0.0.1"
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        yield address, other, server.getsockname()[1]


def in_url(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def hint(url: str) -> str | None:
    return asyncio.run(hint_when_refused(Target.parse(url)))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_other_address_is_named_with_the_url_to_use(served: tuple[str, str, int], scheme: str) -> None:
    address, other, port = served
    place = in_url(address, port)
    assert hint(f"{scheme}://{in_url(other, port)}/hook?a=1") == (
        f"{place} answers: forward to {scheme}://{place}/hook?a=1 instead."
    )


def test_that_neither_answers_is_said() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert hint(f"http://127.0.0.1:{port}/") == f"Nothing answers on [::1]:{port} either: is the server running?"
    assert hint(f"http://[::1]:{port}/") == f"Nothing answers on 127.0.0.1:{port} either: is the server running?"


@pytest.mark.parametrize("host", ["example.test", "192.0.2.1"])
def test_there_is_no_hint_where_there_is_no_other_address(host: str) -> None:
    assert hint(f"http://{host}:9/") is None


def test_localhost_is_looked_for_on_both_addresses(served: tuple[str, str, int]) -> None:
    address, _, port = served
    place = in_url(address, port)
    assert hint(f"http://localhost:{port}/x") == f"{place} answers: forward to http://{place}/x instead."


def test_that_nothing_answers_for_localhost_is_said() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    said = f"Nothing answers on 127.0.0.1:{port} or [::1]:{port}: is the server running?"
    assert hint(f"http://localhost:{port}/") == said


def test_where_else_it_answers_is_all_that_is_said_to_those_who_know_that_nothing_does(
    served: tuple[str, str, int],
) -> None:
    _, other, port = served
    there = Target.parse(f"http://{in_url(other, port)}/x")
    nowhere = Target.parse("http://127.0.0.1:1/x")
    assert asyncio.run(where_else(there)) == hint(there.url)
    assert asyncio.run(where_else(nowhere)) is None
