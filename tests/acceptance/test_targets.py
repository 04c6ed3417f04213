"""`listen` and `trigger` to a receiver that speaks TLS, or listens on a Unix socket."""

import asyncio
import json
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from ..processes import CSTAR, Env, RunCstar, Running, StartListening
from ..receiver import StartReceiver
from ..sender.receivers import CERTIFICATE, OK, answering
from ..sender.receivers import receiver as receiving

UNVERIFIED = "insecure: the certificate of the URL that events go to is not checked.\n"


def test_insecure_is_for_the_listeners_own_url_and_never_for_a_webhook(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar, home: Env, tmp_path: Path
) -> None:
    app = receiver(certificate=CERTIFICATE)
    listener = listening("-f", app.url, "--insecure")
    assert listener.ready["insecure"] is True
    assert listener.stderr.count(UNVERIFIED) == 1
    webhook = app.url.replace("webhook", "registered")
    registered = cstar("webhooks", "create", "--url", webhook, "-e", "ticket.*")
    assert registered.returncode == 0, registered.stderr
    assert cstar("trigger", "ticket.created").returncode == 0
    assert (listener.next_of("forwarded")["status"], app.wait_for(1)[0].path) == (200, "/webhook")
    with Running([*CSTAR, "logs", "tail", "--json", "--since", "1h", "--target", webhook], home, tmp_path) as log:
        assert json.loads(log.next_line())["error"].startswith("TLS: certificate verify failed: self")
    assert [request.path for request in app.requests] == ["/webhook"]


def test_a_certificate_of_the_receivers_own_is_taken_when_its_file_is_given(
    receiver: StartReceiver, cstar: RunCstar
) -> None:
    url = receiver(certificate=CERTIFICATE).url.replace("127.0.0.1", "localhost")
    refused = cstar("trigger", "ticket.created", "--forward-to", url)
    assert refused.returncode == 1
    assert "Hint: The server has signed its certificate itself: trust that with --cacert FILE." in refused.stdout
    assert cstar("trigger", "ticket.created", "--forward-to", url, "--cacert", str(CERTIFICATE)).returncode == 0
    insecure = cstar("trigger", "ticket.created", "--forward-to", url, "--insecure")
    assert (insecure.returncode, insecure.stderr.count(UNVERIFIED)) == (0, 1)


def test_what_is_for_ones_own_url_is_refused_for_a_cloud(cstar: RunCstar) -> None:
    done = cstar("trigger", "ticket.created", "--insecure")
    assert done.returncode == 2
    assert "--insecure and --cacert are for --forward-to: a cloud's certificate is always checked." in done.stderr


def test_events_go_to_a_unix_socket_too(cstar: RunCstar) -> None:
    with TemporaryDirectory(prefix="cstar-") as folder:
        path = Path(folder) / "app.sock"
        listens, done = threading.Event(), threading.Event()
        seen: list[bytes] = []

        async def serve() -> None:
            async with receiving(answering(OK), socket_path=str(path)) as there:
                listens.set()
                await asyncio.to_thread(done.wait, 30)
                seen.extend(there.requests)

        serving = threading.Thread(target=asyncio.run, args=(serve(),))
        serving.start()
        assert listens.wait(10)
        try:
            sent = cstar("trigger", "ticket.created", "--forward-to", f"unix:{path}:/hook", "--json")
        finally:
            done.set()
            serving.join()
        path.unlink(missing_ok=True)
        missing = cstar("trigger", "ticket.created", "--forward-to", f"unix:{path}:/hook")
    assert (sent.returncode, len(seen)) == (0, 1)
    assert seen[0].startswith(b"POST /hook HTTP/1.1\r\nHost: localhost\r\n")
    assert missing.returncode == 1
    assert f"there is no socket {path}" in missing.stdout
    assert f"Hint: Is the server running, and does it listen on {path}?" in missing.stdout
