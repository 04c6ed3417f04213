import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cstar_cli.commands.reaching import elsewhere, fault_at, fault_of
from cstar_cli.tunnel.addresses import parse_forward_to
from tests.processes import free_port


@pytest.fixture
def server() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_what_listens_has_no_fault(server: int) -> None:
    assert fault_of(parse_forward_to(f"http://127.0.0.1:{server}/hook")) is None


def test_what_does_not_listen_says_why() -> None:
    target = parse_forward_to(f"http://127.0.0.1:{free_port()}/")
    assert (fault_of(target), elsewhere(target)) == ("connection refused", None)
    assert fault_at("nowhere.invalid", 80) == "there is no host nowhere.invalid"


def test_the_other_loopback_address_is_tried_too(server: int) -> None:
    assert elsewhere(parse_forward_to(f"http://[::1]:{server}/hook")) == f"http://127.0.0.1:{server}"


def test_a_unix_socket_is_looked_at_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # its whole path may be too long for a socket's name
    target = parse_forward_to("unix:app.sock:/hook")
    assert (fault_of(target), elsewhere(target)) == ("no such file or directory", None)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("app.sock")
        assert fault_of(target) == "connection refused"
        listening.listen()
        assert fault_of(target) is None
