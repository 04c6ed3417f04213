import pytest

from cstar_cli.sender.request import compose
from cstar_cli.sender.target import Target

TARGET = Target.parse("http://localhost:3000/webhook?x=1")


def test_a_request_is_its_head_and_the_exact_body() -> None:
    assert compose(TARGET, [("Content-Type", "application/json"), ("x-cstar-event", "a.b")], b"{}") == (
        b"POST /webhook?x=1 HTTP/1.1\r\n"
        b"Host: localhost:3000\r\n"
        b"Content-Type: application/json\r\n"
        b"x-cstar-event: a.b\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    )


def test_an_empty_body_has_a_length_too() -> None:
    assert compose(TARGET, [], b"").endswith(b"\r\nContent-Length: 0\r\n\r\n")


def test_a_host_header_replaces_the_targets_own() -> None:
    head = compose(TARGET, [("hOST", "tenant.example")], b"")
    assert (head.lower().count(b"host:"), b"Host: tenant.example\r\n" in head) == (1, True)


@pytest.mark.parametrize("name", ["Connection", "content-length", "Transfer-Encoding", "TE", "Upgrade", "Expect"])
def test_headers_of_framing_and_of_the_connection_are_dropped(name: str) -> None:
    assert compose(TARGET, [(name, "7")], b"") == compose(TARGET, [], b"")


def test_repeated_headers_stay_repeated_and_in_order() -> None:
    assert b"\r\na: 1\r\nb: 2\r\na: 3\r\n" in compose(TARGET, [("a", "1"), ("b", "2"), ("a", "3")], b"")


def test_an_empty_value_is_sent() -> None:
    assert b"\r\na: \r\n" in compose(TARGET, [("a", "")], b"")


def test_a_value_beyond_ascii_is_sent_as_utf_8() -> None:
    assert "\r\na: Zoë ☃\r\n".encode() in compose(TARGET, [("a", "Zoë ☃")], b"")


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "\r\n", "a\0b"])
@pytest.mark.parametrize("name", ["x-a", "host"])
def test_a_value_with_a_line_break_or_nul_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        compose(TARGET, [(name, value)], b"")


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "é", "a\n"])
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a header name"):
        compose(TARGET, [(name, "x")], b"")
