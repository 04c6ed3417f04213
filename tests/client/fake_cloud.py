"""A cloud that answers from a script, and edges that never wait."""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from cstar_cli.client.api import ApiClient, Edges
from cstar_cli.client.http import HttpxWire, httpx

BASE = "http://127.0.0.1:7827"
NDJSON = {"Content-Type": "application/x-ndjson"}

Step = httpx.Response | Exception


@dataclass
class World:
    """Time that passes only when someone sleeps, and what was said meanwhile."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def edges(self) -> Edges:
        keys = (f"key_{number}" for number in itertools.count(1))
        return Edges(lambda: self.now, self.sleep, lambda: 0.0, lambda: next(keys), self.said.append)


@dataclass
class FakeCloud:
    """Answers each request with the next step; a step that is an exception is what the network does."""

    steps: list[Step]
    world: World = field(default_factory=World)
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def client(self) -> ApiClient:
        return ApiClient(BASE, "team", "sk_test_1", self.world.edges(), self.wire())

    def wire(self) -> HttpxWire:
        return HttpxWire("sk_test_1", httpx.MockTransport(self))

    def query(self, number: int) -> dict[str, str]:
        return dict(self.requests[number].url.params)


def success(data: object, status: int = 200) -> httpx.Response:
    meta = {"requestId": "req_1", "timestamp": "2025-12-10T14:30:00Z"}
    return httpx.Response(status, json={"success": True, "data": data, "meta": meta})


def failure(status: int, message: str = "No.", headers: dict[str, str] | None = None) -> httpx.Response:
    error = {"type": "t", "code": "c", "message": message, "doc_url": "d", "request_id": "r"}
    return httpx.Response(status, json={"success": False, "error": error, "meta": {}}, headers=headers)


def created(event_id: str = "evt_1", deliveries: Sequence[str] = ("dlv_1",)) -> httpx.Response:
    event = {"id": event_id, "type": "ticket.created", "team_id": "team", "created_at": "2025-12-10T14:30:00Z"}
    listed = [{"id": delivery, "event_id": event_id, "status": "pending"} for delivery in deliveries]
    return success({"event": event, "deliveredTo": len(listed), "deliveries": listed}, 201)


def attempt(seq: int, **changes: object) -> dict[str, object]:
    return {
        "kind": "attempt",
        "cursor": str(seq),
        "time": "2025-12-10T14:30:00.123Z",
        "event_id": "evt_1",
        "event_type": "ticket.created",
        "delivery_id": "dlv_1",
        "attempt": 1,
        "target": "ses_1",
        "url": "http://localhost:3000/webhook",
        "status": 200,
        "duration_ms": 4.2,
        "outcome": "succeeded",
        "error": None,
        "next_attempt_at": None,
        **changes,
    }


def cursor(seq: int) -> dict[str, object]:
    return {"kind": "cursor", "cursor": str(seq)}


@dataclass
class Stream(httpx.SyncByteStream):
    """A body that comes in pieces: lines, bytes, something that happens, or the network's failure."""

    pieces: Sequence[dict[str, object] | bytes | Exception | Callable[[], None]]

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, bytes):
                yield piece
            elif isinstance(piece, dict):
                yield json.dumps(piece, ensure_ascii=False).encode() + b"\n"
            else:
                piece()


def tail_of(*pieces: dict[str, object] | bytes | Exception | Callable[[], None]) -> httpx.Response:
    return httpx.Response(200, headers=NDJSON, stream=Stream(pieces))


def page(records: Sequence[object], more: bool = False) -> httpx.Response:
    pagination = {"page": 1, "pageSize": 100, "hasMore": more}
    return httpx.Response(200, json={"success": True, "data": list(records), "pagination": pagination, "meta": {}})
