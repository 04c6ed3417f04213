"""Ids and secrets that a request makes: at random, or from its seed, so that doing it again makes the same ones."""

import hmac
import os
import secrets
from collections.abc import Callable

from starlette.requests import Request

from cstar_cli.events.wires import wire


def new_seed(now_ms: int) -> str:
    """Return a fresh seed, which also tells when it was made."""
    return f"{now_ms}.{secrets.token_urlsafe()}"


def event_id(request: Request, made_in: str, event_type: str, now_ms: int) -> str:
    """Return the id of the event that the request makes; done again it finds the same one, with its first time."""
    return wire(made_in).event_id(event_type, _seeded_ms(request) or now_ms, of_seed(request, "event"))


def random_bytes(request: Request, label: str) -> Callable[[int], bytes]:
    """Return the source of what the label names: the request's seed if it has one, else the system's randomness."""
    return of_seed(request, label) or os.urandom


def of_seed(request: Request, label: str) -> Callable[[int], bytes] | None:
    """Return what the request's seed gives for the label; None if it has no seed.

    The seed is that of the first request with this `Idempotency-Key`.
    """
    seed: str | None = getattr(request.state, "seed", None)
    return None if seed is None else seeded(seed, label)


def _seeded_ms(request: Request) -> int | None:
    """Return when the request's seed was made; None if it has no seed, or one that doesn't tell."""
    seed: str | None = getattr(request.state, "seed", None)
    time, _, rest = (seed or "").partition(".")
    return int(time) if rest and time.isascii() and time.isdigit() else None


def seeded(seed: str, label: str) -> Callable[[int], bytes]:
    """Return a source that gives the same bytes, at most 64, for the same seed and label."""

    def give(count: int) -> bytes:
        given = hmac.digest(seed.encode(), label.encode(), "sha512")
        assert count <= len(given)
        return given[:count]

    return give
