"""Whether the receiver can be reached, asked as `cstar listen` would."""

import asyncio
import socket

from cstar_cli.sender.client import Sender
from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import Trust
from cstar_cli.sender.verdict import unanswered
from cstar_cli.tunnel.hints import Hints

CONNECT_S = 2.0


def reached(target: Target, trust: Trust, timeout_s: float = CONNECT_S) -> tuple[str | None, str | None]:
    """Connect and let go; return what is in the way, None for nothing, and what to do about it where we know."""
    return asyncio.run(_reached(target, trust, timeout_s))


async def _reached(target: Target, trust: Trust, timeout_s: float) -> tuple[str | None, str | None]:
    sender = Sender(max_connections=0, trust=trust)
    try:
        fault = await sender.look(target, timeout_s)
        if fault is None:
            return None, None
        return fault.detail, await Hints(trust).after(target, unanswered(fault, 0))
    finally:
        await sender.close()


def fault_at(host: str, port: int) -> str | None:
    """Return None where something accepts connections, or why nothing does."""
    try:
        with socket.create_connection((host, port), CONNECT_S):
            return None
    except socket.gaierror:
        return f"there is no host {host}"
    except OSError as error:
        return _reason(error)


def _reason(error: OSError) -> str:
    return "no answer" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
