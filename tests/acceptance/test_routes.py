"""Several routes in one `listen`: each event once to each that takes it, and a common end."""

import hashlib
import hmac
import signal
import threading
from pathlib import Path

from ..processes import Env, Listening, RunCstar, StartListening
from ..receiver import Answer, Received, StartReceiver
from .conftest import StartApi


def write_routes(folder: Path, *routes: str) -> None:
    (folder / "cstar.toml").write_text("".join(f"[[routes]]\n{route}\n" for route in routes))


def types_signed_with(secret: str, requests: list[Received]) -> list[str]:
    """Return the types of the events, each of which must be signed so."""
    for request in requests:
        expected = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
        assert request.headers["x-cstar-signature"] == expected
    return [request.headers["x-cstar-event"] for request in requests]


def test_an_event_goes_once_to_each_route_that_takes_it_signed_with_its_own_secret(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar, api: StartApi, home: Env, tmp_path: Path
) -> None:
    billing, all_of_it = receiver(), receiver()
    write_routes(
        tmp_path,
        f'name = "billing"\nforward_to = "{billing.url}"\nevents = ["customer.*"]\nsecret_env = "BILLING"\n'
        'headers = { "X-Team" = "billing" }',
        f'forward_to = "{all_of_it.url}"\nevents = ["*", "!ticket.updated"]',
    )
    listener = listening(env={**home, "BILLING": "whsec_billing"})
    first, second = listener.ready["routes"]
    assert (first["name"], first["forward_to"], first["own_secret"]) == ("billing", billing.url, True)
    cloud = api()
    for event_type in ("ticket.updated", "customer.created", "ticket.created"):
        event = cloud.post_event(event_type)["event"]
    lines = listener.take(3)
    assert {(line["event_type"], line["route"]) for line in lines} == {
        ("customer.created", "billing"),
        ("customer.created", second["name"]),
        ("ticket.created", second["name"]),
    }
    resent = cstar("events", "resend", event["id"], "--session", first["session_id"])
    assert resent.returncode == 0, resent.stderr
    assert types_signed_with("whsec_billing", billing.wait_for(2)) == ["customer.created", "ticket.created"]
    assert billing.requests[0].headers["x-team"] == "billing"
    everything = types_signed_with(listener.ready["secret"], all_of_it.wait_for(2))
    assert sorted(everything) == ["customer.created", "ticket.created"]
    assert "whsec_billing" not in listener.stderr + str(listener.ready)


def test_the_cloud_inside_ends_when_every_route_has_handed_over_its_results(
    listening: StartListening, receiver: StartReceiver, api: StartApi, tmp_path: Path
) -> None:
    gate = threading.Event()
    slow, fast = receiver(Answer(until=gate)), receiver()
    write_routes(tmp_path, f'forward_to = "{slow.url}"', f'forward_to = "{fast.url}"')
    listener: Listening = listening()
    sent = [delivery["id"] for delivery in api().post_event("ticket.created")["deliveries"]]
    slow.wait_for(1)
    assert listener.next_of("forwarded")["url"] == fast.url  # its answer has come
    listener.signal(signal.SIGINT)
    listener.await_stderr("Finishing 1 in flight")
    gate.set()
    assert listener.wait() == 130
    assert "Stopped: 2 forwarded, 2 succeeded, 0 failed.\n" in listener.stderr
    assert "Traceback" not in listener.stderr
    listening("-f", fast.url)  # a cloud on the same database
    assert [api().get(f"/deliveries/{delivery}")["status"] for delivery in sent] == ["succeeded", "succeeded"]


def test_where_to_on_the_command_line_does_without_the_routes(
    listening: StartListening, receiver: StartReceiver, tmp_path: Path
) -> None:
    write_routes(tmp_path, "forward_to = 1")
    app = receiver()
    ready = listening("-f", app.url, "-e", "ticket.*").ready
    assert (ready["forward_to"], "routes" in ready) == (app.url, False)
