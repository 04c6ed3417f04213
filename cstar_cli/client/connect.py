"""The ApiClient of this machine's profile."""

import base64
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache

from cstar_cli import config
from cstar_cli.client.api import ApiClient, Edges
from cstar_cli.errors import CstarError


def connect(api_base: str, env: Mapping[str, str], say: Callable[[str], None]) -> ApiClient:
    """Return the client for the cloud at the address; no request is made yet."""
    base, home = config.api_base(api_base), config.home(env)
    return client_for(base, config.credentials(base, env, home), say, cache(lambda: _machine(home)))


def client_for(
    api_base: str,
    credentials: config.Credentials,
    say: Callable[[str], None],
    origin: Callable[[], str | None] = lambda: None,
) -> ApiClient:
    """Return the client for the cloud at the address, with the process's own clock and chance."""
    edges = Edges(time.monotonic, time.sleep, _random, new_key, say)
    return ApiClient(api_base, credentials.team_id, credentials.token, edges, origin=origin)


def new_key() -> str:
    """Return what no other request has as its `Idempotency-Key`."""
    return base64.urlsafe_b64encode(os.urandom(18)).decode()


def _machine(home: config.Home) -> str | None:
    with suppress(CstarError):  # of a home that can't be written: whoever listens to all gets the event all the same
        return home.machine()
    return None


def _random() -> float:
    import random  # it begins by hashing, and is needed where a connection was lost

    return random.random()
