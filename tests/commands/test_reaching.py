import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cstar_cli.commands.reaching import fault_at, reached
from cstar_cli.sender.tls import SYSTEM
from cstar_cli.tunnel.addresses import parse_forward_to
from tests.processes import free_port


def looked_at(address: str) -> tuple[str | None, str | None]:
    return reached(parse_forward_to(address), SYSTEM, 5.0)


@pytest.fixture
def server() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_what_listens_has_no_fault(server: int) -> None:
    assert looked_at(f"http://127.0.0.1:{server}/hook") == (None, None)
    assert fault_at("127.0.0.1", server) is None


def test_what_does_not_listen_says_why() -> None:
    port = free_port()
    assert looked_at(f"http://127.0.0.1:{port}/")[0] == f"connection refused by 127.0.0.1:{port}"
    assert fault_at("127.0.0.1", port) == "connection refused"
    assert fault_at("nowhere.invalid", 80) == "there is no host nowhere.invalid"


def test_the_other_loopback_address_is_tried_too(server: int) -> None:
    _, hint = looked_at(f"http://[::1]:{server}/hook")
    assert hint == f"127.0.0.1:{server} answers: forward to http://127.0.0.1:{server}/hook instead."


def test_a_unix_socket_is_looked_at_by_its_file(tmp_path: Path) -> None:
    fault, hint = looked_at(f"unix:{tmp_path}/a:/hook")
    assert fault == f"there is no socket {tmp_path}/a"
    assert hint == f"Is the server running, and does it listen on {tmp_path}/a?"
