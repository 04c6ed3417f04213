import socket
from pathlib import Path

import pytest

from cstar_cli.errors import UsageError
from cstar_cli.tunnel.addresses import parse_forward_to


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("3000", "http://localhost:3000/"),
        (":3000", "http://localhost:3000/"),
        ("  3000 ", "http://localhost:3000/"),
        ("65535", "http://localhost:65535/"),
        ("3000/webhook", "http://localhost:3000/webhook"),
        (":3000/webhook", "http://localhost:3000/webhook"),
        ("3000?x=1", "http://localhost:3000/?x=1"),
        ("localhost:3000", "http://localhost:3000/"),
        ("localhost:3000/", "http://localhost:3000/"),
        ("/path", "http://localhost/path"),
        ("/", "http://localhost/"),
        ("host", "http://host/"),
        ("host/path", "http://host/path"),
        ("host:8080", "http://host:8080/"),
        ("host:8080/path?x=1", "http://host:8080/path?x=1"),
        ("host/back?to=http://other", "http://host/back?to=http://other"),
        ("192.168.1.7:80", "http://192.168.1.7/"),
        ("[::1]:3000", "http://[::1]:3000/"),
        ("http://[::1]:3000/a", "http://[::1]:3000/a"),
        ("http://host", "http://host/"),
        ("https://host:443/path", "https://host/path"),
        ("HTTP://Host/Path", "http://host/Path"),
        ("/a b", "http://localhost/a%20b"),
    ],
)
def test_a_port_a_path_a_host_or_a_url_says_where_to(given: str, url: str) -> None:
    assert parse_forward_to(given).url == url


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("unix:/run/app.sock", "unix:/run/app.sock:/"),
        ("unix:/run/app.sock:", "unix:/run/app.sock:/"),
        ("unix:/run/app.sock:/hook?a=1", "unix:/run/app.sock:/hook?a=1"),
        ("unix:/run/app.sock:/back?to=unix:/x:/y", "unix:/run/app.sock:/back?to=unix:/x:/y"),
        ("unix:///run/app.sock:/hook", "unix:/run/app.sock:/hook"),
        ("unix:/run/my app.sock:/a b", "unix:/run/my app.sock:/a%20b"),
        ("unix:app.sock:/hook", "unix:{here}/app.sock:/hook"),
        ("unix:~/app.sock:/hook", "unix:/home/me/app.sock:/hook"),
    ],
)
def test_a_unix_socket_is_named_with_the_path_there(
    given: str, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path)
    target = parse_forward_to(given)
    assert (target.url, target.authority) == (url.format(here=tmp_path), "localhost")


def test_a_system_without_unix_sockets_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(UsageError, match=r"Unix sockets can't be used on this system \(Windows\): give a port"):
        parse_forward_to("unix:/run/app.sock")


@pytest.mark.parametrize(
    ("given", "help"),
    [
        ("", "--forward-to is empty: give a port, or a URL like http://localhost:3000/webhook."),
        (" ", "--forward-to is empty"),
        ("0", "not a number from 1 to 65535"),
        ("65536", "not a number from 1 to 65535"),
        ("123456", "not a number from 1 to 65535"),
        ("3000:foo", "not a number from 1 to 65535"),
        ("localhost:3000:1", "not a number from 1 to 65535"),
        ("30 00", "is not a host name"),
        ("a b", "is not a host name"),
        (":", "is not a host name"),
        ("http:/host", "is not a URL: write it like http://localhost:3000/webhook."),
        ("http:3000", "is not a URL"),
        ("https//host", "is not a URL"),
        ("//host/path", "is not a URL"),
        ("ftp://host", "write it as http://host/path or https://host/path"),
        ("::1", "without its brackets: write it like [::1]:3000."),
        ("fe80::1/path", "without its brackets"),
        ("me:secret@host", "cstar listen --header can send it, as Authorization"),
        ("3000#part", "fragment"),
        ("unix:", "names no socket: write it like unix:/run/app.sock:/webhook."),
        ("unix::/hook", "names no socket"),
        ("unix:/a\x1b.sock:/hook", "The socket's path holds a control character"),
        ("unix:~nobody-at-all/a.sock", "no home folder"),
        ("unix:/a.sock:/hook#part", "fragment"),
    ],
)
def test_what_is_no_address_is_refused_with_what_to_write(given: str, help: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_forward_to(given)
    assert help in str(refused.value)


def test_a_password_is_not_repeated_in_the_error() -> None:
    with pytest.raises(UsageError) as refused:
        parse_forward_to("me:secret@host")
    assert "secret" not in str(refused.value)
