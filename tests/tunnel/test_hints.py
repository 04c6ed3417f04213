"""What to do next, where the local URL can't be posted to."""

import asyncio
import ssl
from pathlib import Path

import pytest

from cstar_cli.sender.client import Sender
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import SYSTEM, TlsFault, Trust, trust_of
from cstar_cli.tunnel.hints import Hints

from ..processes import free_port
from ..sender.receivers import BODY, CERTIFICATE, HEADERS, OK, Receiver, Script, answering, answering_once, receiver

GIVEN = trust_of(str(CERTIFICATE), insecure=False)


def failed(
    failure: Failure | None, tls: TlsFault | None = None, status: int | None = None, body: bytes = b""
) -> Outcome:
    return Outcome(status, (), body, failure, "", None, None, 1.0, tls)


def hint(url: str, outcome: Outcome, trust: Trust = SYSTEM, *, contained: bool = False) -> str | None:
    return asyncio.run(Hints(trust, lambda: contained).after(Target.parse(url), outcome))


def posted(script: Script, tls: ssl.SSLContext | None, scheme: str) -> tuple[str, str | None]:
    """Post to such a receiver under this scheme; return its port and the hint."""

    async def scenario() -> tuple[str, str | None]:
        sender = Sender(max_connections=1)
        try:
            async with receiver(script, tls) as there:
                there.scheme = scheme
                outcome = await sender.post(there.target("localhost"), HEADERS, BODY, 5.0)
                hint = await Hints(in_container=lambda: False).after(there.target("localhost"), outcome)
                return str(there.port), hint
        finally:
            await sender.close()

    return asyncio.run(scenario())


def server_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.mark.parametrize(
    ("fault", "trust", "said"),
    [
        (TlsFault.SELF_SIGNED, SYSTEM, "The server has signed its certificate itself: trust that with --cacert FILE."),
        (TlsFault.SELF_SIGNED, GIVEN, "The server has another certificate than the file of --cacert: give its own."),
        (TlsFault.UNKNOWN_AUTHORITY, SYSTEM, "give that authority's with --cacert FILE (of mkcert: rootCA.pem"),
        (TlsFault.WRONG_NAME, SYSTEM, "forward to a name that it holds. --insecure takes any."),
        (TlsFault.EXPIRED, SYSTEM, "Give the server a new certificate, unless this machine's clock is wrong."),
        (TlsFault.NOT_YET_VALID, SYSTEM, "Is this machine's clock right?"),
        (TlsFault.NOT_SPOKEN, SYSTEM, "The server speaks http there: forward to http://app.test:4000/x?a=1 instead."),
    ],
)
def test_each_fault_of_tls_has_its_next_step(fault: TlsFault, trust: Trust, said: str) -> None:
    assert said in str(hint("https://app.test:4000/x?a=1", failed(Failure.TLS, fault), trust))


def test_an_address_that_the_certificate_is_not_for_has_the_name_to_try() -> None:
    said = hint("https://127.0.0.1:4000/x", failed(Failure.TLS, TlsFault.WRONG_NAME))
    assert said == (
        "The certificate is for another name: forward to https://localhost:4000/x perhaps. --insecure takes any."
    )


def test_any_other_fault_of_tls_stands_for_itself() -> None:
    assert hint("https://localhost:4000/", failed(Failure.TLS, TlsFault.OTHER)) is None


def test_https_to_a_server_that_speaks_http_names_the_url_to_use() -> None:
    async def refuse(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    port, said = posted(refuse, None, "https")
    assert said == f"The server speaks http there: forward to http://localhost:{port}/webhook instead."


def test_http_to_a_server_that_speaks_tls_names_the_url_to_use() -> None:
    port, said = posted(answering(OK), server_context(), "http")
    assert said == f"The server speaks TLS there: forward to https://localhost:{port}/webhook instead."


@pytest.mark.parametrize(
    "body",
    [
        b"Client sent an HTTP request to an HTTPS server.\n",
        b"<center>The plain HTTP request was sent to HTTPS port</center>",
        b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
    ],
    ids=["go", "nginx", "apache"],
)
def test_a_server_that_asks_for_tls_itself_is_understood(body: bytes) -> None:
    said = hint("http://localhost:4000/x", failed(None, status=400, body=body))
    assert said == "The server speaks TLS there: forward to https://localhost:4000/x instead."


def test_any_other_400_is_the_applications_own() -> None:
    assert hint("http://localhost:4000/x", failed(None, status=400, body=b"bad signature")) is None


def test_a_server_that_resets_is_asked_for_tls_once() -> None:
    async def scenario() -> tuple[list[str | None], int]:
        hints = Hints(in_container=lambda: False)
        async with receiver(answering_once()) as there:
            said = [await hints.after(there.target(), failed(Failure.RESET)) for _ in range(3)]
            return said, there.connections

    assert asyncio.run(scenario()) == ([None] * 3, 1)


def test_within_a_container_it_is_said_where_localhost_is() -> None:
    url = f"http://localhost:{free_port()}/"
    assert hint(url, failed(Failure.REFUSED), contained=True) == (
        f"{hint(url, failed(Failure.REFUSED))}"
        " Here localhost is this container; the machine that runs it is host.docker.internal."
    )


@pytest.mark.parametrize("host", ["host.docker.internal", "host.containers.internal"])
def test_the_machine_that_runs_the_container_refuses_with_what_to_look_at(host: str) -> None:
    assert hint(f"http://{host}:3000/x", failed(Failure.REFUSED), contained=True) == (
        f"{host} is the machine that runs this container: is the server running there,"
        " and does it listen on 0.0.0.0, not on 127.0.0.1 alone?"
    )


def test_a_container_that_does_not_know_its_machine_has_the_option_to_start_it_with() -> None:
    assert hint("http://host.docker.internal:3000/x", failed(Failure.DNS), contained=True) == (
        "On Linux a container knows host.docker.internal when it is started with"
        " --add-host=host.docker.internal:host-gateway (in a compose file: extra_hosts)."
    )


@pytest.mark.parametrize("failure", [Failure.DNS, Failure.REFUSED])
def test_outside_of_containers_the_name_is_localhost(failure: Failure) -> None:
    assert hint("http://host.docker.internal:3000/x", failed(failure)) == (
        "host.docker.internal is a name for use within containers;"
        " on the machine itself forward to http://localhost:3000/x"
    )


def test_any_other_unknown_name_stands_for_itself() -> None:
    assert hint("http://nowhere.test/", failed(Failure.DNS), contained=True) is None


def test_a_socket_has_hints_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a"
    target = Target("http", "localhost", 0, "/", str(path))
    missing = asyncio.run(Hints().when_refused(target, waits=True))
    assert missing == f"Is the server running, and does it listen on {path}?"
    path.write_text("")
    assert "no server listens on it" in str(asyncio.run(Hints().after(target, failed(Failure.REFUSED))))


def test_where_events_wait_only_what_helps_is_said() -> None:
    target = Target.parse(f"http://localhost:{free_port()}/")
    assert asyncio.run(Hints(in_container=lambda: False).when_refused(target, waits=True)) is None
    inside = asyncio.run(Hints(in_container=lambda: True).when_refused(target, waits=True))
    assert inside == "Here localhost is this container; the machine that runs it is host.docker.internal."
