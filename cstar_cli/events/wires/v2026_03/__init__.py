"""Wire version 2026-03: `data` holds named resources, the signature has its time (cStar webhooks, part 2)."""

import os
from collections.abc import Mapping

from cstar_cli import signing
from cstar_cli.events.canonical import Json
from cstar_cli.events.envelope import iso_ms, new_id
from cstar_cli.events.wires.wire import Headers, NewBytes, Sending

_ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_CHARS = 8
_ID_BYTES = 8

# What an event is about, where it isn't what its type begins with. Whatever else `data` holds stands beside it.
_RESOURCES: Mapping[str, str] = {
    "ticket.message_added": "message",
    "team.preferences_updated": "team_preferences",
    "agent.preferences_updated": "agent_preferences",
    "player.achievement_unlocked": "achievement",
    "player.xp_gained": "xp_gain",
    "player.quest_completed": "quest",
    "player.streak_milestone": "streak",
    "social.one_up_sent": "one_up",
    "social.high_five_sent": "high_five",
    "community_post.commented": "comment",
    "community_post.voted": "vote",
}


class _Wire:
    name = "2026-03"
    envelope = ("id", "type", "created_at", "team_id", "data")
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

    def event_id(self, event_type: str, at_ms: int, new_bytes: NewBytes | None = None) -> str:
        number, text = int.from_bytes((new_bytes or os.urandom)(_ID_BYTES), "big"), ""
        for _ in range(_ID_CHARS):
            number, digit = divmod(number, len(_ID_ALPHABET))
            text += _ID_ALPHABET[digit]
        return f"evt_{event_type.replace('.', '_')}_{at_ms}_{text}"

    def resource_name(self, event_type: str) -> str:
        return _RESOURCES.get(event_type) or event_type.partition(".")[0]

    def resource_of(self, event_type: str, data: Json) -> Json:
        resource = data.get(self.resource_name(event_type)) if isinstance(data, dict) else None
        return resource if isinstance(resource, dict) else data

    def data_of(self, event_type: str, resource: Json) -> Json:
        return {self.resource_name(event_type): resource}


WIRE = _Wire()
