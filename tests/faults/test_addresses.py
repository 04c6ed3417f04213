"""What only the cloud can reach is never connected to: not by a redirect, a literal, a name, or a name that turns."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from cstar_cli.sender.client import Sender
from cstar_cli.sender.guard import allowed
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.target import Target

from ..sender.receivers import BODY, HEADERS, answering
from .conftest import Count, MakeStage, Sized
from .hostile import Hostile, hosting
from .stage import settle_down

PATIENCE_S = 0.3  # on the way to oneself
REDIRECTS = (301, 302, 303, 307, 308)
PUBLIC = "2d00::1"  # in a part of the public addresses that is given to nobody
METADATA = "http://169.254.169.254/latest/meta-data/"
ALIASES = (
    *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.2", "0.0.0.0"),
    *("0", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"),
    *("[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "127。0。0。1", "①②⑦.⓪.⓪.①"),
    *("localhost", "localhost.", "LOCALHOST", "ip6-localhost", "169.254.169.254"),
)


class Door:
    """A port on every address of this machine; `entered` are the connections that came."""

    def __init__(self) -> None:
        family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
        self._listening = socket.create_server(
            ("", 0), family=family, dualstack_ipv6=family == socket.AF_INET6, backlog=128
        )
        self.port: int = self._listening.getsockname()[1]
        self.entered = 0
        self._came = threading.Condition()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def wait_for(self, entered: int) -> None:
        with self._came:
            assert self._came.wait_for(lambda: self.entered >= entered, 5), self.entered

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._listening.accept()[0].close()
                with self._came:
                    self.entered += 1
                    self._came.notify_all()


@contextlib.contextmanager
def door() -> Iterator[Door]:
    with contextlib.closing(Door()) as opened:
        yield opened


def leads_in(host: str, port: int) -> bool:
    """Say whether a client that doesn't look gets in by this name."""
    try:
        socket.create_connection((urlsplit(f"http://{host}/").hostname or host, port), PATIENCE_S).close()
    except (OSError, UnicodeError):
        return False
    return True


def own_names() -> list[str]:
    """This machine's name and addresses, as far as they are known to it."""
    name = socket.gethostname()
    try:
        found = {str(sockaddr[0]) for *_, sockaddr in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    except OSError:
        return []
    return [name, *(f"[{address}]" if ":" in address else address for address in found if "%" not in address)]


def test_a_redirect_to_an_internal_address_is_never_followed(
    stage: MakeStage, sqlite_database: str, count: Count
) -> None:
    cloud = stage(sqlite_database)
    node = cloud.start("--retry-schedule", "1s")  # may post to loopback: only the redirect stands in the way
    with door() as internal:
        places = [f"http://{host}:{internal.port}/admin" for host in ("127.0.0.1", "[::1]", "localhost")] + [METADATA]
        receivers = {
            (status, place): Hostile(
                answering(f"HTTP/1.1 {status} Go\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())
            )
            for status in REDIRECTS
            for place in places
        }
        with hosting(list(receivers.values())):
            webhooks = {wanted: cloud.register(node, hostile.url) for wanted, hostile in receivers.items()}
            cloud.post_events([node], 1)
            settle_down(cloud, node)
            attempts = {wanted: cloud.attempts(node, webhook_id) for wanted, webhook_id in webhooks.items()}
        assert internal.entered == 0
        assert leads_in("127.0.0.1", internal.port)
        internal.wait_for(1)
    count("redirects answered", sum(map(len, attempts.values())))
    count("followed", 0)
    for (status, _), made in attempts.items():
        assert [(one["status"], one["outcome"]) for one in made] == [(status, "failed")] * 2


def test_a_service_connects_to_no_address_of_its_own(stage: MakeStage, sqlite_database: str, count: Count) -> None:
    cloud = stage(sqlite_database)
    node = cloud.start_public("--retry-schedule", "none")
    api = cloud.api(node)
    hosts = [*ALIASES, *own_names()]
    with door() as internal:
        doors = [host for host in hosts if leads_in(host, internal.port)]
        internal.wait_for(len(doors))
        before = internal.entered
        refused, webhooks = {}, {}
        for host in hosts:
            answer = api.ask("POST", "/webhooks", {"url": f"http://{host}:{internal.port}/", "events": ["*"]})
            if answer.status == 201:
                webhooks[host] = answer.content["data"]["id"]
            else:
                refused[host] = answer.status
        cloud.post_events([node], 1)
        settle_down(cloud, node)
        attempts = {host: cloud.attempts(node, webhook_id) for host, webhook_id in webhooks.items()}
        entered = internal.entered - before
    count("names tried", len(hosts))
    count("that lead in", len(doors))
    count("connected", entered)
    assert entered == 0
    assert set(refused.values()) <= {400}
    assert {"127.0.0.1", "2130706433", "localhost"} <= set(doors)
    for host, made in attempts.items():
        assert [one["outcome"] for one in made] == ["failed"], host
        why = "is not a public address" if host in doors or host.startswith("[") else ""
        assert why in made[0]["error"], (host, made[0]["error"])


def test_a_name_that_turns_to_loopback_is_never_connected_to(sized: Sized, count: Count) -> None:
    """The name's answers are public first and loopback then, or both at once; the socket that they lead to is real."""
    turns = sized(200, 20)
    asked = 0

    async def resolve(host: str, port: int) -> list[str]:
        nonlocal asked
        asked += 1
        if host == "both.test":
            return ["127.0.0.1", PUBLIC, "::1"]
        return [PUBLIC] if asked % 2 else ["127.0.0.1", "::ffff:127.0.0.1"]

    async def post(port: int) -> list[Outcome]:
        sender = Sender(max_connections=8, allow=partial(allowed, private=False), resolve=resolve)
        try:
            targets = [Target.parse(f"http://{host}:{port}/") for host in ["turning.test"] * 2 + ["both.test"]]
            return [await sender.post(targets[turn % len(targets)], HEADERS, BODY, 0.05) for turn in range(turns * 3)]
        finally:
            await sender.close()

    with door() as internal:
        outcomes = asyncio.run(post(internal.port))
        assert internal.entered == 0
    denied = [outcome for outcome in outcomes if outcome.failure is Failure.ADDRESS]
    count("posts", len(outcomes))
    count("lookups", asked)
    count("to loopback, denied", len(denied))
    count("connected", 0)
    assert asked == len(outcomes)  # what was looked at is what is connected to: nobody asks a second time
    assert denied
    assert all("public address" in (outcome.error or "") for outcome in denied)
    assert not any(outcome.succeeded for outcome in outcomes)
