import pytest

from cstar_cli.errors import UsageError
from cstar_cli.sender.target import Target


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://localhost:3000/webhook", Target("http", "localhost", 3000, "/webhook")),
        ("https://Example.COM", Target("https", "example.com", 443, "/")),
        ("HTTP://example.com?a=b", Target("http", "example.com", 80, "/?a=b")),
        ("http://my_service:80/", Target("http", "my_service", 80, "/")),
        ("http://[::1]:3000/x", Target("http", "::1", 3000, "/x")),
        ("http://[0:0:0:0:0:0:0:1]/", Target("http", "::1", 80, "/")),
        ("http://127.0.0.1:1", Target("http", "127.0.0.1", 1, "/")),
        ("http://example.com./", Target("http", "example.com.", 80, "/")),
        (" http://h/ ", Target("http", "h", 80, "/")),
    ],
)
def test_a_url_is_taken_apart(url: str, target: Target) -> None:
    assert Target.parse(url) == target


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("http://h/a b", "/a%20b"),
        ("http://h/é?q=ü", "/%C3%A9?q=%C3%BC"),
        ("http://h/a%20b%2Fc", "/a%20b%2Fc"),
        ('http://h/"<>\\^`{|}', "/%22%3C%3E%5C%5E%60%7B%7C%7D"),
        ("http://h/a?b[]=1&c=d?e/f", "/a?b[]=1&c=d?e/f"),
        ("http://h//a//b", "//a//b"),
    ],
)
def test_the_path_is_encoded_where_it_must_be_and_nowhere_else(url: str, sent: str) -> None:
    assert Target.parse(url).path_and_query == sent


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://bücher.example/", "xn--bcher-kva.example"),
        ("http://faß.de/", "xn--fa-hia.de"),
        ("http://例え。テスト/", "xn--r8jz45g.xn--zckzah"),
    ],
)
def test_a_host_beyond_ascii_is_named_as_browsers_name_it(url: str, host: str) -> None:
    assert Target.parse(url).host == host


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("localhost:3000", "http://host/path"),
        ("ftp://h/", "http://host/path"),
        ("http:///x", "http://host/path"),
        ("http://:3000/", "not a host name"),
        ("/webhook", "http://host/path"),
        ("", "http://host/path"),
        ("http://user:hunter2@h/", "cstar listen --header can send it"),
        ("http://@h/", "leave it out"),
        ("http://h/#top", "fragment"),
        ("http://h/#", "fragment"),
        ("http://h:0/", "1 to 65535"),
        ("http://h:65536/", "1 to 65535"),
        ("http://h:http/", "1 to 65535"),
        ("http://h/\r\nX: y", "control character"),
        ("http://h/\x00", "control character"),
        ("http://h/\x85", "control character"),
        ("http://a b/", "not a host name"),
        ("http://a\\b/", "not a host name"),
        ("http://a%2fb/", "not a host name"),
        ("http://a..b/", "not a host name"),
        ("http://" + "a" * 64 + "/", "not a host name"),
        ("http://" + "a." * 130 + "/", "not a host name"),
        ("http://☃☃.\u200b/", "not a host name"),
        ("http://[::1/", "not a URL"),
        ("http://[nonsense]/", "not a"),
        ("http://[fe80::1%25eth0]/", "network interface"),
        ("http://h/\ud800", "lone surrogate"),
    ],
)
def test_what_cannot_be_posted_to_is_refused_with_what_to_do(url: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Target.parse(url)


@pytest.mark.parametrize("url", ["http://user:hunter2@h/", "htp://user:hunter2@h/", "http://user:hunter2@[/"])
def test_a_password_in_the_url_is_not_repeated_in_the_message(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        Target.parse(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://h/", "h"),
        ("http://h:80/", "h"),
        ("https://h:443/", "h"),
        ("http://h:443/", "h:443"),
        ("http://[::1]:3000/", "[::1]:3000"),
        ("https://[::1]/", "[::1]"),
    ],
)
def test_the_authority_leaves_out_the_schemes_own_port(url: str, authority: str) -> None:
    assert Target.parse(url).authority == authority


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("http://h", "http://h/"),
        ("http://h/", "http://h/"),
        ("http://h?x", "http://h/?x"),
        ("https://[::1]:3000/a b", "https://[::1]:3000/a%20b"),
    ],
)
def test_the_url_is_whole_and_joined_by_one_slash(url: str, whole: str) -> None:
    assert Target.parse(url).url == whole


def test_the_url_of_a_target_parses_to_the_same_target() -> None:
    target = Target.parse("http://bücher.example:8080/é a?b=[c]")
    assert Target.parse(target.url) == target
