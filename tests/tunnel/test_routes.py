"""`[[routes]]`: what they mean, and where a wrong one is wrong."""

import tomllib

import pytest

from cstar_cli.errors import UsageError
from cstar_cli.positions import TomlFile
from cstar_cli.tunnel.routes import Route, parse, short_form, warnings


def routes_of(text: str) -> list[Route]:
    return list(parse(tomllib.loads(text)["routes"], TomlFile("cstar.toml", text)))


def fault_of(text: str) -> str:
    with pytest.raises(UsageError) as raised:
        routes_of(text)
    return str(raised.value)


def test_a_route_says_what_goes_where_and_how() -> None:
    [route] = routes_of("""
        [[routes]]
        name = "billing"
        events = ["ticket.*", "!ticket.updated"]
        forward-to = "4000/hook"
        headers = { "X-Stage" = "dev" }
        secret_env = "BILLING"
        timeout = 3
        concurrency = 1
        cacert = "ca.pem"
        insecure = false
        wire = "2026-03"
    """)
    assert (route.name, route.target.url) == ("billing", "http://localhost:4000/hook")
    assert route.filter.patterns == ("ticket.*", "!ticket.updated")
    assert (route.headers, route.secret, route.secret_env) == ((("X-Stage", "dev"),), None, "BILLING")
    assert (route.timeout_s, route.concurrency) == (3.0, 1)
    assert (route.cacert, route.insecure, route.wire) == ("ca.pem", False, "2026-03")


def test_a_wire_version_that_there_is_not_is_refused_where_it_stands() -> None:
    assert fault_of('[[routes]]\nforward_to = 1\nwire = "2026"\n').startswith(
        "cstar.toml:3:8: wire: There is no wire version '2026': take 2025-12 or 2026-03."
    )


def test_a_header_of_the_routes_own_wire_version_cannot_be_given() -> None:
    text = '[[routes]]\nforward_to = 1\nheaders = { "X-Signature" = "s" }\n'
    assert routes_of(text)[0].headers == (("X-Signature", "s"),)
    assert "The header X-Signature is set by cstar" in fault_of(text + 'wire = "2026-03"\n')


def test_what_a_route_leaves_out_is_all_events_and_what_holds_for_every_route() -> None:
    [route] = routes_of("[[routes]]\nforward_to = 4000\n")
    assert (route.target.url, route.filter.patterns) == ("http://localhost:4000/", ("*",))
    assert (route.headers, route.secret, route.secret_env, route.timeout_s, route.concurrency) == (None,) * 5


def test_one_pattern_may_be_written_plainly() -> None:
    [route] = routes_of('[[routes]]\nforward_to = 1\nevents = "ticket.*, boss.*"\n')
    assert route.filter.patterns == ("ticket.*", "boss.*")


@pytest.mark.parametrize(
    ("url", "short"),
    [
        ("http://localhost:3000/webhook", ":3000/webhook"),
        ("http://127.0.0.1:3000/", ":3000"),
        ("http://[::1]:3000/a", ":3000/a"),
        ("http://localhost/a", "localhost/a"),
        ("http://app.test/a?b=1", "app.test/a?b=1"),
        ("https://app.test:8443/", "https://app.test:8443"),
    ],
)
def test_a_url_has_a_short_form(url: str, short: str) -> None:
    assert short_form(url) == short


def test_a_route_without_a_name_has_its_urls_short_form_and_a_number_where_that_is_not_its_own() -> None:
    routes = routes_of("""
        [[routes]]
        forward_to = "3000/a"
        [[routes]]
        forward_to = "3000/b"
        [[routes]]
        forward_to = "3000/b"
    """)
    assert [route.name for route in routes] == [":3000/a", ":3000/b#2", ":3000/b#3"]


@pytest.mark.parametrize(
    ("line", "place", "said"),
    [
        ('evnts = ["*"]', "3:1", "unknown key 'evnts'. Did you mean 'events'? Valid are: name, forward_to, events,"),
        ("xyz = 1", "3:1", "unknown key 'xyz'. Valid are:"),
        ("  events = 1", "3:12", 'events: it must be a list of texts, like ["ticket.*"'),
        ('events = ["a b"]', "3:10", "events: 'a b' is not an event filter"),
        ("headers = []", "3:11", "headers: it must be a table of texts"),
        ('headers = { A = "x", B = 2 }', "3:26", "headers.B: it must be a text"),
        ('headers = { "X-Cstar-Event" = "x" }', "3:31", "headers.X-Cstar-Event: The header X-Cstar-Event is set by"),
        ('timeout = "10"', "3:11", "timeout: it must be a number of seconds up to 86400, without quotes."),
        ("timeout = nan", "3:11", "timeout: it must be"),
        ("timeout = true", "3:11", "timeout: it must be"),
        ("timeout = 0", "3:11", "timeout: it must be"),
        ("concurrency = 1.5", "3:15", "concurrency: it must be a whole number from 1 to 512"),
        ("concurrency = 513", "3:15", "concurrency: it must be"),
        ('insecure = "yes"', "3:12", "insecure: it must be true or false, without quotes."),
        ("cacert = 1", "3:10", 'cacert: it must be a file, like "ca.pem".'),
        ("name = 1", "3:8", "name: it must be up to 50 letters"),
        ('name = "\\u001b[2J"', "3:8", "name: it must be up to 50 letters"),
        ('secret_env = "A-B"', "3:14", "secret_env: it must be the name of an environment variable"),
        ("secret = 1", "3:10", "secret: it must be a text"),
    ],
)
def test_a_fault_is_told_with_line_and_column(line: str, place: str, said: str) -> None:
    assert fault_of(f"[[routes]]\nforward_to = 3000\n{line}\n").startswith(f"cstar.toml:{place}: {said}")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("true", "it must be a URL or a port"),
        ('""', "it is empty: give a port"),
        ("70000", "The URL's port is not a number from 1 to 65535"),
        ('"ftp://host"', "can't be posted to"),
    ],
)
def test_an_address_that_is_none_is_told_where_it_stands(value: str, said: str) -> None:
    fault = fault_of(f"[[routes]]\nforward_to = {value}\n")
    assert fault.startswith("cstar.toml:2:14: forward_to: ")
    assert said in fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[routes]]\n", "cstar.toml:1:1: this route has no forward_to"),
        ('[[routes]]\nforward_to = 1\nsecret = "a"\nsecret_env = "B"\n', "cstar.toml:1:1: this route has both secret"),
        ("[routes]\nforward_to = 1\n", "cstar.toml:1:1: routes are tables: begin each with [[routes]]"),
        ('routes = "3000"\n', "cstar.toml:1:1: routes are tables"),
        ("routes = []\n", "cstar.toml:1:1: routes are tables"),
        (
            '[[routes]]\nname = "a"\nforward_to = 1\n[[routes]]\nname = "a"\nforward_to = 2\n',
            "cstar.toml:5:8: name: a route before this one is called 'a' too.",
        ),
    ],
)
def test_what_is_no_route_is_told_where_it_begins(text: str, said: str) -> None:
    assert fault_of(text).startswith(said)


def test_a_wrong_secret_is_not_told() -> None:
    fault = fault_of('[[routes]]\nforward_to = 1\nsecret = " whsec_hidden"\n')
    assert "stray characters" in fault
    assert "hidden" not in fault


def test_two_routes_that_send_the_same_to_one_url_are_told_once() -> None:
    routes = routes_of("""
        [[routes]]
        forward_to = "3000/a"
        events = ["ticket.*"]
        [[routes]]
        forward_to = "3000/a"
        events = ["*.created"]
        [[routes]]
        forward_to = "3000/a"
        events = ["boss.*"]
        [[routes]]
        forward_to = "4000/a"
    """)
    assert [*warnings(routes)] == [
        "Routes :3000/a#1 and :3000/a#2 both go to http://localhost:3000/a, which gets ticket.created twice."
    ]


def test_a_route_that_no_known_event_takes_is_told_by_its_name() -> None:
    routes = routes_of('[[routes]]\nname = "billing"\nforward_to = 1\nevents = "tikcet.*"\n')
    assert [*warnings(routes)] == ["Route billing: No known event type matches tikcet.*. Did you mean ticket.*?"]
