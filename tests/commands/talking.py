"""A dialogue with a cloud that answers from a script, and records as the API has them."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cstar_cli.client.http import httpx
from cstar_cli.commands.dialogue import Dialogue
from cstar_cli.config import Home
from cstar_cli.render.console import Console
from cstar_cli.render.output import Output
from tests.client.fake_cloud import FakeCloud, Step
from tests.render.samples import PLAIN, Stream

Record = dict[str, Any]

WEBHOOK_ID, EVENT_ID, DELIVERY_ID, SESSION_ID = (prefix + "A" * 24 for prefix in ("whk_", "evt_", "dlv_", "ses_"))
URL = "https://example.com/hooks/cstar"
TIME = "2025-12-10T14:30:00.000Z"


@dataclass
class Talk:
    """What a command has asked and said."""

    cloud: FakeCloud
    json: bool
    out: Stream = field(default_factory=Stream)
    err: Stream = field(default_factory=Stream)
    typed: str | None = None
    home: Path = Path(os.devnull)  # which can't be written

    def dialogue(self) -> Dialogue:
        console = Console(Output(self.out, PLAIN), Output(self.err, PLAIN))
        return Dialogue(
            self.cloud.client(),
            console,
            Home(self.home),
            self.json,
            None if self.typed is None else lambda: self.typed or "",
        )

    @property
    def stdout(self) -> str:
        return self.out.written().decode()

    @property
    def stderr(self) -> str:
        return self.err.written().decode()

    def asked(self, number: int = 0) -> tuple[str, str]:
        """Return the method and the path within the team of a request."""
        request = self.cloud.requests[number]
        return request.method, request.url.path.removeprefix("/api/v1/teams/team")

    def body(self, number: int = 0) -> bytes:
        return self.cloud.requests[number].content


def talk(*answers: Step, json: bool = False) -> Talk:
    return Talk(FakeCloud(list(answers)), json)


def raw(data: bytes, status: int = 200) -> httpx.Response:
    """Return a success whose data is exactly these bytes."""
    return httpx.Response(status, content=b'{"success":true,"data":' + data + b',"meta":{}}')


def webhook(**changes: object) -> Record:
    return {
        "id": WEBHOOK_ID,
        "name": "example.com",
        "url": URL,
        "events": ["ticket.*", "!ticket.updated"],
        "isActive": True,
        "disabledReason": None,
        "failingSince": None,
        "previousSecretValidUntil": None,
        "createdAt": TIME,
        "updatedAt": TIME,
        **changes,
    }


def event(**changes: object) -> Record:
    return {
        "id": EVENT_ID,
        "type": "ticket.created",
        "team_id": "team",
        "created_at": "2025-12-10T14:30:00Z",
        **changes,
    }


def delivery(**changes: object) -> Record:
    return {
        "id": DELIVERY_ID,
        "event_id": EVENT_ID,
        "event_type": "ticket.created",
        "target": WEBHOOK_ID,
        "url": URL,
        "status": "succeeded",
        "attempt_count": 1,
        "created_at": TIME,
        "next_attempt_at": None,
        **changes,
    }


def exchange(**changes: object) -> Record:
    return {
        "time": TIME,
        "event_id": EVENT_ID,
        "event_type": "ticket.created",
        "delivery_id": DELIVERY_ID,
        "attempt": 1,
        "target": WEBHOOK_ID,
        "url": URL,
        "status": 500,
        "duration_ms": 12.0,
        "outcome": "failed",
        "error": "answered 500",
        "next_attempt_at": None,
        "request_headers": [["x-cstar-event", "ticket.created"]],
        "request_body": '{"id":"evt_1"}',
        "response_headers": [["content-type", "text/plain"]],
        "response_body": "no such\nticket",
        "error_class": "status",
        "connect_ms": 1.25,
        "first_byte_ms": 11.0,
        **changes,
    }
