"""Receivers as functions, good and bad, that verify by the contract's words alone; and what sends to them."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from cstar_cli.conformance.making import Maker
from cstar_cli.conformance.running import run
from cstar_cli.conformance.trial import Request, Result, Status
from cstar_cli.conformance.trials import trials_for
from cstar_cli.events.wires import wire
from cstar_cli.sender.outcome import Failure, Outcome

SECRET = "whsec_of_the_trials"
NOW_S = 1_765_377_000
Flaw = Callable[["Receiver", Request, bool], int | Failure | None]
"""What a receiver answers where it errs, None where it does as it should; the bool says whether it verified."""


def outcome(answer: int | Failure, duration_ms: float = 1.0) -> Outcome:
    if isinstance(answer, Failure):
        return Outcome(None, (), b"", answer, f"it was {answer}", 1.0, None, duration_ms)
    return Outcome(answer, (), b"", None, "", 1.0, 1.0, duration_ms)


class Receiver:
    """Answers 204 to what verifies and 401 to what doesn't, but for its flaw."""

    def __init__(self, flaw: Flaw = lambda *_: None) -> None:
        self.flaw = flaw
        self.seen: dict[str, int] = {}
        self.tickets: set[Any] = set()
        self.in_flight = 0

    async def __call__(self, request: Request) -> Outcome:
        self.in_flight += 1
        await asyncio.sleep(0)
        found = self.flaw(self, request, verified(request))
        await asyncio.sleep(0)
        self.in_flight -= 1
        if isinstance(found, (int, Failure)):
            return outcome(found)
        return outcome(204 if verified(request) else 401)


def header(request: Request, name: str) -> str | None:
    return next((value for each, value in request.headers if each.lower() == name), None)


def event(request: Request) -> Any:
    return json.loads(request.body)


def mac(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def verified(request: Request) -> bool:
    """Say so by the contract: part 1's header, or part 2's."""
    if (plain := header(request, "x-cstar-signature")) is not None:
        return plain == mac(request.body)
    parts = dict(part.partition("=")[::2] for part in (header(request, "x-signature") or "").split(","))
    t = parts.get("t", "")
    return t.isdecimal() and abs(int(t) - NOW_S) <= 300 and parts.get("v1") == mac(f"{t}.".encode() + request.body)


def results(send: Callable[[Request], Any], version: str = "2025-12", limit_s: float = 100) -> list[Result]:
    maker = Maker(wire(version), SECRET, "11111111-2222-4333-8444-555555555555", lambda: NOW_S * 1000)

    async def all_results() -> list[Result]:
        made = run(trials_for(wire(version)), maker, send, limit_s=limit_s, clock=lambda: 0.0)
        return [result async for result, _ in made]

    return asyncio.run(all_results())


def failed(found: list[Result]) -> set[str]:
    return {result.name for result in found if result.status is Status.FAILED}
