"""Wire version 2026-03: `data` holds named resources, the signature has its time (cStar webhooks, part 2)."""

import secrets

from cstar_cli import signing
from cstar_cli.events.canonical import Json
from cstar_cli.events.envelope import iso_ms, new_id
from cstar_cli.events.wires.wire import Headers, Sending

_ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_CHARS = 8


class _Wire:
    name = "2026-03"
    signature_header = "X-Signature"
    own_headers = frozenset(
        {
            "x-signature",
            "x-event-type",
            "x-event-id",
            "x-webhook-id",
            "x-timestamp",
            "x-delivery-attempt",
            "x-cstar-request-id",
        }
    )
    user_agent = "cStar-Webhooks/1.0"
    retries_s = (30.0, 2 * 60.0, 10 * 60.0, 60 * 60.0, 6 * 60 * 60.0, 24 * 60 * 60.0)

    def sign(self, body: bytes, secret: str, at_s: int) -> str:
        return f"t={at_s},v1={signing.sign(b'%d.%b' % (at_s, body), secret)}"

    def headers(self, sending: Sending, secret: str) -> Headers:
        return (
            ("Content-Type", "application/json"),
            ("X-Signature", self.sign(sending.body, secret, sending.at_ms // 1000)),
            ("X-Event-Type", sending.event_type),
            ("X-Event-ID", sending.event_id),
            ("X-Webhook-ID", sending.endpoint_id),
            ("X-Timestamp", iso_ms(sending.at_ms)),
            ("X-Delivery-Attempt", str(sending.attempt)),
            ("x-cstar-request-id", new_id("req")),
        )

    def event_id(self, event_type: str, at_ms: int) -> str:
        text = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_CHARS))
        return f"evt_{event_type.replace('.', '_')}_{at_ms}_{text}"

    def resource_of(self, event_type: str, data: Json) -> Json:
        match data:
            case dict() if _name_of(event_type) in data:
                return data[_name_of(event_type)]
        return data

    def data_of(self, event_type: str, resource: Json) -> Json:
        return {_name_of(event_type): resource}


def _name_of(event_type: str) -> str:
    return event_type.partition(".")[0]


WIRE = _Wire()
