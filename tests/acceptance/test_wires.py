"""One event, to endpoints of both wire versions."""

import hashlib
import hmac
import json

from ..processes import RunCstar, StartListening
from ..receiver import StartReceiver
from .conftest import StartApi


def signed(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def test_an_event_reaches_a_listener_and_a_webhook_of_each_version_in_that(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar, api: StartApi
) -> None:
    app, old, new = receiver(), receiver(), receiver()
    ready = listening("-f", app.url, "--wire", "2026-03").ready
    cloud = api()
    secrets = [
        cloud.post("/webhooks", {"url": to.url, "events": ["*"], "wire": wire})["signingSecret"]
        for to, wire in ((old, "2025-12"), (new, "2026-03"))
    ]
    cstar("trigger", "ticket.created", "--data", '{"id":"1","title":"caf\\u00e9"}', "--expect", "200")
    [to_app], [to_old], [to_new] = (to.wait_for(1) for to in (app, old, new))
    assert to_old.body.endswith('"data":{"id":"1","title":"café"}}'.encode())
    assert to_old.headers["x-cstar-signature"] == signed(secrets[0], to_old.body)
    for request, secret in ((to_app, ready["secret"]), (to_new, secrets[1])):
        assert request.body.endswith('"data":{"ticket":{"id":"1","title":"café"}}}'.encode())
        at, _, signature = request.headers["x-signature"].removeprefix("t=").partition(",v1=")
        assert signature == signed(secret, at.encode() + b"." + request.body)
        assert request.headers["x-event-id"] == json.loads(to_old.body)["id"]
        assert request.headers["x-delivery-attempt"] == "1"
        assert "x-cstar-signature" not in request.headers
    assert to_app.headers["x-webhook-id"] == ready["session_id"]
    [made] = [one for one in cloud.get("/deliveries") if one["target"] == to_new.headers["x-webhook-id"]]
    [attempt] = cloud.get(f"/deliveries/{made['id']}")["attempts"]
    assert attempt["request_body"].encode() == to_new.body
