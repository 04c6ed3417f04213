"""The one import of httpx, and how a connection to a cloud is made."""

import sys

# httpx loads rich and click for a command line of its own (70 ms of a 190 ms start); it does without, through its
# own `except ImportError`, where that module can't be imported.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None is how Python marks "not importable"

import httpx  # noqa: E402

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 30.0
# Shorter than any server's own, so that no request meets a connection that is just being closed.
_KEEP_ALIVE_S = 2.0


def open_client(base_url: str, token: str, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Return a client that authenticates, never follows redirects and knows no proxies."""
    return httpx.Client(
        base_url=base_url,
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        limits=httpx.Limits(keepalive_expiry=_KEEP_ALIVE_S),
        trust_env=False,
        # Loading the CA bundle takes 20 ms, for nothing where no TLS is spoken.
        verify=not base_url.startswith("http://"),
        transport=transport,
    )


__all__ = ["CONNECT_TIMEOUT_S", "httpx", "open_client"]
