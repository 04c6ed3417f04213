"""The ApiClient of this machine's profile."""

import random
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
    edges = Edges(monotonic=time.monotonic, sleep=time.sleep, random=random.random, say=say)
    return ApiClient(api_base, credentials.team_id, credentials.token, edges)
