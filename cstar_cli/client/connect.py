"""The ApiClient of this machine's profile."""

import base64
import os
import time
from collections.abc import Callable, Mapping

from cstar_cli import config
from cstar_cli.client.api import ApiClient, Edges


def connect(api_base: str, env: Mapping[str, str], say: Callable[[str], None]) -> ApiClient:
    """Return the client for the cloud at the address; no request is made yet."""
    base = config.api_base(api_base)
    return client_for(base, config.credentials(base, env, config.home(env)), say)


def client_for(api_base: str, credentials: config.Credentials, say: Callable[[str], None]) -> ApiClient:
    """Return the client for the cloud at the address, with the process's own clock and chance."""
    edges = Edges(time.monotonic, time.sleep, _random, new_key, say)
    return ApiClient(api_base, credentials.team_id, credentials.token, edges)


def new_key() -> str:
    """Return what no other request has as its `Idempotency-Key`."""
    return base64.urlsafe_b64encode(os.urandom(18)).decode()


def _random() -> float:
    import random  # it begins by hashing, and is needed where a connection was lost

    return random.random()
