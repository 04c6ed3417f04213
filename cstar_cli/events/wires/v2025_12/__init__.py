"""Wire version 2025-12: `data` is the resource itself, the signature is plain hex (cStar webhooks, part 1)."""

from typing import TYPE_CHECKING

from cstar_cli import signing
from cstar_cli.events.wires.wire import Headers, NewBytes, Sending

if TYPE_CHECKING:
    from cstar_cli.events.canonical import Json


class _Wire:
    name = "2025-12"
    envelope = ("id", "type", "team_id", "created_at", "data")
    signature_header = "x-cstar-signature"
    own_headers = frozenset({"x-cstar-signature", "x-cstar-event", "x-cstar-delivery"})
    user_agent = None
    retries_s = (60.0, 5 * 60.0, 30 * 60.0)

    def sign(self, body: bytes, secret: str, _at_s: int) -> str:
        return signing.sign(body, secret)

    def headers(self, sending: Sending, secret: str) -> Headers:
        return (
            ("content-type", "application/json"),
            ("x-cstar-signature", signing.sign(sending.body, secret)),
            ("x-cstar-event", sending.event_type),
            ("x-cstar-delivery", sending.delivery_id),
        )

    def event_id(self, _event_type: str, _at_ms: int, new_bytes: NewBytes | None = None) -> str:
        from cstar_cli.events.envelope import new_id  # late: who only signs makes none

        return new_id("evt", new_bytes)

    def resource_name(self, _event_type: str) -> None:
        return None

    def resource_of(self, _event_type: str, data: "Json") -> "Json":
        return data

    def data_of(self, _event_type: str, resource: "Json") -> "Json":
        return resource


WIRE = _Wire()
