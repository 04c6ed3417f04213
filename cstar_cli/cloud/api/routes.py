"""Every route of the API, in one table: it is what is served, and what the OpenAPI document says."""

from cstar_cli.cloud.api import deliveries, events, keys, openapi, probes, sessions, status, tail, webhooks
from cstar_cli.cloud.api.operations import Operation
from cstar_cli.cloud.api.views import AttemptLine, CursorLine

TEAM = "/api/v1/teams/{team_id}"
JSON = "application/json"
NDJSON = "application/x-ndjson"

_EVENT = TEAM + "/events/{event_id}"
_DELIVERY = TEAM + "/deliveries/{delivery_id}"
_WEBHOOK = TEAM + "/webhooks/{webhook_id}"
_KEY = TEAM + "/api-keys/{key_id}"
_LINES = AttemptLine | CursorLine
_PROBE = dict[str, str]
_DOCUMENT = dict[str, object]

OPERATIONS = (
    Operation("POST", TEAM + "/events", events.create, "Send an event", status=201, triggers=True),
    Operation("GET", TEAM + "/events", events.index, "List events"),
    Operation("GET", _EVENT, events.show, "Show an event, its body and its deliveries"),
    Operation("POST", _EVENT + "/resend", events.resend, "Send an event once more", status=201, triggers=True),
    Operation("GET", TEAM + "/deliveries", deliveries.index, "List deliveries"),
    Operation("GET", TEAM + "/deliveries/tail", tail.tail, "Follow the attempts", media=NDJSON, answer=_LINES),
    Operation("GET", _DELIVERY, deliveries.show, "Show a delivery and each of its attempts"),
    Operation("POST", _DELIVERY + "/retry", deliveries.retry, "Try a delivery again now"),
    Operation("POST", _DELIVERY + "/cancel", deliveries.cancel, "End a pending delivery"),
    Operation("GET", TEAM + "/sessions", sessions.index, "List open sessions of listeners"),
    Operation("GET", TEAM + "/webhooks", webhooks.index, "List webhooks"),
    Operation("POST", TEAM + "/webhooks", webhooks.create, "Register a webhook", status=201),
    Operation("GET", _WEBHOOK, webhooks.show, "Show a webhook"),
    Operation("PATCH", _WEBHOOK, webhooks.update, "Change, disable or enable a webhook"),
    Operation("DELETE", _WEBHOOK, webhooks.delete, "Remove a webhook"),
    Operation("POST", _WEBHOOK + "/test", webhooks.test, "Send a test event to a webhook and wait for its answer"),
    Operation("POST", _WEBHOOK + "/rotate-secret", webhooks.rotate_secret, "Give a webhook a new signing secret"),
    Operation("POST", _WEBHOOK + "/recover", webhooks.recover, "Try what has failed at a webhook again"),
    Operation("GET", TEAM + "/api-keys", keys.index, "List API keys"),
    Operation("POST", TEAM + "/api-keys", keys.create, "Make an API key", status=201),
    Operation("DELETE", _KEY, keys.revoke, "Revoke an API key"),
    Operation("GET", TEAM + "/health", status.health, "Show the node that serves"),
    Operation("GET", "/api/v1/whoami", status.whoami, "Show whose the token is"),
    Operation("GET", "/health", probes.health, "Say that the process runs", media=JSON, answer=_PROBE, public=True),
    Operation(
        "GET",
        "/ready",
        probes.ready,
        "Say that requests may come",
        media=JSON,
        answer=_PROBE,
        public=True,
        unready="The store is away, or the node is ending.",
    ),
    Operation("GET", "/metrics", probes.metrics, "Show the metrics for Prometheus", media="text/plain", public=True),
    Operation("GET", "/openapi.json", openapi.show, "Show this document", media=JSON, answer=_DOCUMENT, public=True),
)
