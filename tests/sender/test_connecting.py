"""From a name to a connection: lookups, several addresses, TLS."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from cstar_cli.sender.guard import allowed
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.resolve import SystemResolver
from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import trust_of

from ..processes import free_port
from .receivers import BODY, CERTIFICATE, HEADERS, OK, Receiver, Setup, answering, receiver

NOBODY = "127.0.0.2"
OUT_OF_REACH = "255.255.255.255"


def public(address: str) -> bool:
    return allowed(address, private=False)


def finding(*addresses: str) -> Callable[[str, int], Awaitable[list[str]]]:
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


def not_finding(error: Exception) -> Callable[[str, int], Awaitable[list[str]]]:
    async def resolve(host: str, port: int) -> list[str]:
        raise error

    return resolve


@contextmanager
def silent(address: str, port: int) -> Iterator[None]:
    """An address that takes no connection and refuses none: its queue is full."""
    with ExitStack() as stack:
        listening, *callers = [stack.enter_context(socket.socket()) for _ in range(4)]
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(0)
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex((address, port))
        yield


def post(setup: Setup, url: str, timeout_s: float = 5.0, **settings: object) -> Outcome:
    async def scenario() -> Outcome:
        async with setup.sender(**settings) as sender:
            return await sender.post(Target.parse(url), HEADERS, BODY, timeout_s)

    return setup.run(scenario())


def post_over_tls(
    setup: Setup,
    host: str = "receiver.test",
    trusted: bool = True,
    posts: int = 1,
    addresses: tuple[str, ...] = ("127.0.0.1",),
) -> tuple[Outcome, Receiver]:
    async def scenario() -> tuple[Outcome, Receiver]:
        settings = {"trust": trust_of(str(CERTIFICATE), insecure=False)} if trusted else {}
        async with (
            receiver(answering(OK), server_context()) as there,
            setup.sender(resolve=finding(*addresses), **settings) as sender,
        ):
            for _ in range(posts):
                outcome = await sender.post(there.target(host), HEADERS, BODY, 5.0)
            return outcome, there

    return setup.run(scenario())


def server_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


def test_a_refused_connection_names_the_address(setup: Setup) -> None:
    port = free_port()
    outcome = post(setup, f"http://127.0.0.1:{port}/")
    assert (outcome.failure, outcome.status, outcome.error) == (
        Failure.REFUSED,
        None,
        f"connection refused by 127.0.0.1:{port}",
    )


def test_each_address_that_refused_is_named(setup: Setup) -> None:
    port = free_port()
    outcome = post(setup, f"http://receiver.test:{port}/", resolve=finding(NOBODY, "127.0.0.1"))
    assert (outcome.failure, outcome.error) == (
        Failure.REFUSED,
        f"connection refused by {NOBODY}:{port} and 127.0.0.1:{port}",
    )


def test_the_next_address_is_tried_when_one_refuses(setup: Setup) -> None:
    async def scenario() -> Outcome:
        resolve = finding(NOBODY, "127.0.0.1")
        async with receiver(answering(OK)) as there, setup.sender(resolve=resolve) as sender:
            return await sender.post(there.target("receiver.test"), HEADERS, BODY, 5.0)

    assert setup.run(scenario()).succeeded


def test_a_silent_address_leaves_time_for_the_next(setup: Setup) -> None:
    async def scenario() -> Outcome:
        resolve = finding(NOBODY, "127.0.0.1")
        async with receiver(answering(OK)) as there, setup.sender(resolve=resolve) as sender:
            with silent(NOBODY, there.port):
                return await sender.post(there.target("receiver.test"), HEADERS, BODY, 0.6)

    assert setup.run(scenario()).succeeded


def test_a_silent_address_is_cut_at_the_deadline(setup: Setup) -> None:
    port = free_port()
    with silent(NOBODY, port):
        outcome = post(setup, f"http://{NOBODY}:{port}/", 0.25)
    assert (outcome.failure, outcome.error) == (Failure.TIMEOUT, "no connection within 0.25 s")


def test_an_address_out_of_reach_says_so(setup: Setup) -> None:
    outcome = post(setup, f"http://{OUT_OF_REACH}:9/")
    assert outcome.failure is Failure.UNREACHABLE
    assert (outcome.error or "").startswith(f"cannot connect to {OUT_OF_REACH}:9: ")


def test_when_one_address_refused_and_another_is_out_of_reach_it_is_refused(setup: Setup) -> None:
    port = free_port()
    outcome = post(setup, f"http://receiver.test:{port}/", resolve=finding(NOBODY, OUT_OF_REACH))
    assert outcome.failure is Failure.REFUSED
    assert (outcome.error or "").startswith(
        f"connection refused by {NOBODY}:{port}; cannot connect to {OUT_OF_REACH}:{port}: "
    )


def test_localhost_is_found_by_the_system(setup: Setup) -> None:
    async def scenario() -> Outcome:
        async with receiver(answering(OK)) as there, setup.sender() as sender:
            return await sender.post(there.target("localhost"), HEADERS, BODY, 5.0)

    assert setup.run(scenario()).succeeded


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "name not found: foo.test"),
        (UnicodeError("label too long"), "name not found: foo.test"),
        (
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
            "name lookup of foo.test failed: Temporary failure in name resolution",
        ),
    ],
)
def test_a_name_that_is_not_found_says_so(setup: Setup, error: Exception, words: str) -> None:
    outcome = post(setup, "http://foo.test/", resolve=not_finding(error))
    assert (outcome.failure, outcome.error) == (Failure.DNS, words)


def test_a_name_without_an_address_is_not_found(setup: Setup) -> None:
    assert post(setup, "http://foo.test/", resolve=finding()).error == "name not found: foo.test"


def test_a_lookup_that_hangs_is_cut_at_the_deadline(setup: Setup) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    assert post(setup, "http://foo.test/", 0.25, resolve=resolve).failure is Failure.TIMEOUT


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_address_needs_no_lookup(address: str) -> None:
    assert asyncio.run(SystemResolver()(address, 80)) == [address]


def test_equal_lookups_at_once_share_one() -> None:
    async def scenario() -> list[list[str]]:
        resolver = SystemResolver()
        return await asyncio.gather(*(resolver("localhost", 80) for _ in range(3)))

    first, *others = asyncio.run(scenario())
    assert all(found is first for found in others)


def test_a_later_lookup_asks_again() -> None:
    async def scenario() -> bool:
        resolver = SystemResolver()
        return await resolver("localhost", 80) is await resolver("localhost", 80)

    assert not asyncio.run(scenario())


def test_a_lookup_that_hangs_keeps_no_other_name_waiting() -> None:
    may_end = threading.Event()

    def look_up(host: str, port: int) -> list[str]:
        if host == "dead.test":
            may_end.wait(30)
        return ["192.0.2.1"]

    async def scenario() -> list[str]:
        resolver = SystemResolver(look_up)
        hanging = [asyncio.ensure_future(resolver("dead.test", port)) for port in range(1, 65)]
        await asyncio.sleep(0)
        found = await asyncio.wait_for(resolver("live.test", 80), 10)
        may_end.set()
        await asyncio.gather(*hanging)
        return found

    assert asyncio.run(scenario()) == ["192.0.2.1"]


def test_lookups_beyond_the_most_at_once_wait_for_their_turn() -> None:
    def look_up(host: str, port: int) -> list[str]:
        return [host]

    async def scenario() -> list[list[str]]:
        resolver = SystemResolver(look_up, most_lookups=2)
        return await asyncio.gather(*(resolver(f"host{number}.test", 80) for number in range(9)))

    assert asyncio.run(scenario()) == [[f"host{number}.test"] for number in range(9)]


def test_a_lookup_that_fails_is_asked_again_later() -> None:
    answers: list[OSError | list[str]] = [OSError("no"), ["192.0.2.1"]]

    def look_up(host: str, port: int) -> list[str]:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    async def scenario() -> list[str]:
        resolver = SystemResolver(look_up)
        with pytest.raises(OSError, match="no"):
            await resolver("receiver.test", 80)
        return await resolver("receiver.test", 80)

    assert asyncio.run(scenario()) == ["192.0.2.1"]


def test_a_program_that_ends_waits_for_no_lookup() -> None:
    may_end = threading.Event()

    def look_up(host: str, port: int) -> list[str]:
        may_end.wait(30)
        return []

    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(SystemResolver(look_up)("dead.test", 80), 0.05)

    started = time.monotonic()
    asyncio.run(scenario())
    assert time.monotonic() - started < 10
    may_end.set()


def test_an_address_that_is_not_allowed_is_never_connected_to(setup: Setup) -> None:
    async def scenario() -> tuple[Outcome, Receiver]:
        async with receiver(answering(OK)) as there, setup.sender(allow=public, resolve=finding("127.0.0.1")) as sender:
            return await sender.post(there.target("receiver.test"), HEADERS, BODY, 5.0), there

    outcome, there = setup.run(scenario())
    assert (outcome.failure, outcome.status, outcome.error) == (
        Failure.ADDRESS,
        None,
        "receiver.test resolves to 127.0.0.1, which is not a public address: deliveries go to public addresses only",
    )
    assert there.connections == 0


@pytest.mark.parametrize(
    ("host", "found", "words"),
    [
        ("10.0.0.1", ["10.0.0.1"], "10.0.0.1 is not a public address: "),
        ("[::ffff:7f00:1]", ["::ffff:7f00:1"], "::ffff:7f00:1 is not a public address: "),
        ("a.test", ["10.0.0.1", "::1"], "a.test resolves to 10.0.0.1 and ::1, none of which is a public address: "),
    ],
)
def test_each_address_that_is_not_allowed_is_named(setup: Setup, host: str, found: list[str], words: str) -> None:
    outcome = post(setup, f"http://{host}:9/", allow=public, resolve=finding(*found))
    assert (outcome.error or "").startswith(words)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "0", "localhost", "[::1]"]
    + ["[::ffff:7f00:1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "127.0.0.1."],
)
def test_loopback_is_not_reached_however_it_is_written(setup: Setup, host: str) -> None:
    async def scenario() -> tuple[Outcome, Receiver]:
        async with receiver(answering(OK)) as there, setup.sender(allow=public) as sender:
            return await sender.post(Target.parse(f"http://{host}:{there.port}/"), HEADERS, BODY, 5.0), there

    outcome, there = setup.run(scenario())
    assert outcome.failure in (Failure.ADDRESS, Failure.DNS)  # some systems know no name like 127.1
    assert there.connections == 0


def test_what_is_not_allowed_is_left_out_and_what_is_allowed_is_tried(setup: Setup) -> None:
    async def scenario() -> tuple[Outcome, Receiver]:
        settings = {"allow": lambda address: address == "127.0.0.1", "resolve": finding("10.0.0.1", "127.0.0.1")}
        async with receiver(answering(OK)) as there, setup.sender(**settings) as sender:
            return await sender.post(there.target("receiver.test"), HEADERS, BODY, 5.0), there

    outcome, there = setup.run(scenario())
    assert (outcome.status, there.connections) == (200, 1)


def test_a_name_that_turns_to_loopback_after_it_was_checked_is_not_followed(setup: Setup) -> None:
    lookups: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        lookups.append(host)
        return ["127.0.0.1"] if len(lookups) > 1 else [OUT_OF_REACH]

    async def scenario() -> tuple[list[Outcome], Receiver]:
        def first_is_public(address: str) -> bool:
            return address == OUT_OF_REACH

        async with receiver(answering(OK)) as there, setup.sender(allow=first_is_public, resolve=rebinding) as sender:
            return [await sender.post(there.target("rebind.test"), HEADERS, BODY, 5.0) for _ in range(2)], there

    (first, second), there = setup.run(scenario())
    assert (first.failure, second.failure) == (Failure.UNREACHABLE, Failure.ADDRESS)
    assert OUT_OF_REACH in (first.error or "")
    assert (len(lookups), there.connections) == (2, 0)


def test_a_redirect_to_an_internal_address_is_not_followed(setup: Setup) -> None:
    async def scenario() -> tuple[Outcome, Receiver, Receiver]:
        async with receiver(answering(OK)) as internal:
            location = f"Location: http://127.0.0.1:{internal.port}/\r\n"
            redirect = f"HTTP/1.1 307 Temporary Redirect\r\n{location}Content-Length: 0\r\n\r\n".encode()
            async with receiver(answering(redirect)) as there, setup.sender() as sender:
                return await sender.post(there.target(), HEADERS, BODY, 5.0), there, internal

    outcome, there, internal = setup.run(scenario())
    assert (outcome.error, there.connections, internal.connections) == (
        "answered 307 (redirects are not followed)",
        1,
        0,
    )


def test_an_event_is_posted_over_tls(setup: Setup) -> None:
    outcome, there = post_over_tls(setup)
    assert (outcome.status, len(there.requests)) == (200, 1)


def test_a_tls_connection_is_used_again(setup: Setup) -> None:
    _, there = post_over_tls(setup, posts=3)
    assert (there.connections, len(there.requests)) == (1, 3)


def test_a_certificate_that_nobody_vouches_for_is_refused_by_default(setup: Setup) -> None:
    outcome, there = post_over_tls(setup, trusted=False)
    assert outcome.failure is Failure.TLS
    assert (outcome.error or "").startswith("TLS: certificate verify failed: self")
    assert there.requests == []


def test_a_refused_certificate_is_the_answer_of_all_addresses(setup: Setup) -> None:
    outcome, _ = post_over_tls(setup, trusted=False, addresses=("127.0.0.1", NOBODY))
    assert outcome.failure is Failure.TLS


def test_a_certificate_of_another_name_is_refused(setup: Setup) -> None:
    outcome, there = post_over_tls(setup, host="other.test")
    assert outcome.failure is Failure.TLS
    assert "certificate verify failed: Hostname mismatch" in (outcome.error or "")
    assert there.requests == []


def test_tls_to_a_receiver_that_speaks_plain_http_says_so(setup: Setup) -> None:
    async def plain(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read()

    async def scenario() -> Outcome:
        async with receiver(plain) as there, setup.sender() as sender:
            there.scheme = "https"
            return await sender.post(there.target(), HEADERS, BODY, 5.0)

    outcome = setup.run(scenario())
    assert (outcome.failure, outcome.error) == (
        Failure.TLS,
        "TLS: the receiver does not speak it on this port (is it http:// there?)",
    )


def test_a_receiver_that_closes_during_the_handshake_is_a_tls_failure(setup: Setup) -> None:
    async def close(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async def scenario() -> Outcome:
        async with receiver(close) as there, setup.sender() as sender:
            there.scheme = "https"
            return await sender.post(there.target(), HEADERS, BODY, 5.0)

    outcome = setup.run(scenario())
    assert (outcome.failure, outcome.status) == (Failure.TLS, None)


def test_a_receiver_that_hangs_in_the_handshake_is_cut_at_the_deadline(setup: Setup) -> None:
    async def hang(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def scenario() -> Outcome:
        async with receiver(hang) as there, setup.sender() as sender:
            there.scheme = "https"
            outcome = await sender.post(there.target(), HEADERS, BODY, 0.25)
            await asyncio.wait_for(there.left.wait(), 5)
            return outcome

    assert setup.run(scenario()).failure is Failure.TIMEOUT
