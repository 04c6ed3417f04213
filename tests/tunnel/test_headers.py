import pytest

from cstar_cli.errors import UsageError
from cstar_cli.events.wires import wire
from cstar_cli.events.wires.wire import Sending
from cstar_cli.signing import sign
from cstar_cli.tunnel.headers import delivery_headers, parse_headers

OLD, NEW = wire("2025-12"), wire("2026-03")
SENDING = Sending("evt_1", "ticket.created", "dlv_1", "ses_1", 3, 1_765_376_000_000, b'{"a":"\xc3\xa9"}')


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("Name: value", ("Name", "value")),
        (" Host:   name", ("Host", "name")),
        ("emptyHeader:", ("emptyHeader", "")),
        ("\tName\t:\tvalue\t", ("Name", "value")),
        ("Name:a:b", ("Name", "a:b")),
        ("Database: :memory:", ("Database", ":memory:")),
        ("Name: a\tb", ("Name", "a\tb")),
        ("Name: caf\u00e9", ("Name", "caf\u00e9")),
    ],
)
def test_a_header_is_a_name_and_what_follows_its_colon(text: str, header: tuple[str, str]) -> None:
    assert parse_headers([text]) == (header,)


@pytest.mark.parametrize(
    "text", ["", ":", "::", ": value", "Name", "Na me: value", "N\u00e4me: value", "Name\n: value"]
)
def test_what_has_no_name_or_no_colon_is_refused_with_the_form_to_write(text: str) -> None:
    with pytest.raises(UsageError, match="is not a header: write it as 'Name: value'"):
        parse_headers([text])


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\0b", "a\x7fb", "\u65e5"])
def test_a_value_that_cannot_be_sent_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="The value of the header Name holds a character that can't be sent"):
        parse_headers([f"Name: {value}"])


@pytest.mark.parametrize(
    "name", ["x-cstar-signature", "X-Cstar-Event", "X-CSTAR-DELIVERY", "Content-Type", "content-length"]
)
def test_ours_cannot_be_given(name: str) -> None:
    with pytest.raises(UsageError, match=f"The header {name} is set by cstar"):
        parse_headers([f"{name}: mine"])


def test_headers_of_the_connection_itself_are_left_out() -> None:
    given = ["Connection: close", "Keep-Alive: 1", "TE: trailers", "Transfer-Encoding: chunked", "Upgrade: x"]
    assert parse_headers([*given, "Expect: 100-continue", "Kept: yes"]) == (("Kept", "yes"),)


def test_a_name_may_be_given_twice() -> None:
    assert parse_headers(["A: 1", "A: 2"]) == (("A", "1"), ("A", "2"))


def test_a_delivery_has_the_contracts_headers_and_then_the_users() -> None:
    assert delivery_headers(OLD, SENDING, "whsec_1", (("Host", "example.test"),)) == (
        ("content-type", "application/json"),
        ("x-cstar-signature", sign(SENDING.body, "whsec_1")),
        ("x-cstar-event", "ticket.created"),
        ("x-cstar-delivery", "dlv_1"),
        ("user-agent", "cstar-cli"),
        ("Host", "example.test"),
    )


def test_the_users_user_agent_replaces_ours() -> None:
    for version in (OLD, NEW):
        headers = delivery_headers(version, SENDING, "whsec_1", (("User-Agent", "mine"),))
        assert [value for name, value in headers if name.lower() == "user-agent"] == ["mine"]


def test_2026_03_names_its_session_and_attempt_and_the_contracts_user_agent() -> None:
    headers = dict(delivery_headers(NEW, SENDING, "whsec_1", (("Host", "example.test"),)))
    assert headers["X-Signature"] == NEW.sign(SENDING.body, "whsec_1", 1_765_376_000)
    assert (headers["X-Webhook-ID"], headers["X-Delivery-Attempt"]) == ("ses_1", "3")
    assert (headers["user-agent"], headers["Host"]) == ("cStar-Webhooks/1.0", "example.test")


@pytest.mark.parametrize("name", ["X-Signature", "x-event-id", "x-cstar-request-id", "Content-Type"])
def test_a_header_that_only_2026_03_sets_can_be_given_with_2025_12(name: str) -> None:
    with pytest.raises(UsageError, match="is set by cstar"):
        parse_headers([f"{name}: mine"], "2026-03")
    if name != "Content-Type":
        assert parse_headers([f"{name}: mine"]) == ((name, "mine"),)
