"""Whether the other loopback address would have answered.

`localhost` may mean 127.0.0.1 to one program and ::1 to another; a server that listens on the one is refused on the
other, which looks like a server that isn't there.
"""

import asyncio

from cstar_cli.sender.target import Target

PROBE_S = 0.5
_OTHER = {"127.0.0.1": "::1", "::1": "127.0.0.1"}


async def hint_when_refused(target: Target) -> str | None:
    """Say where the server may be, when the target is a loopback address that refused."""
    other = _OTHER.get(target.host)
    if other is None:
        return None
    shown = f"[{other}]:{target.port}" if ":" in other else f"{other}:{target.port}"
    if await _answers(other, target.port):
        return f"{shown} answers: forward to {target.scheme}://{shown}{target.path_and_query} or to localhost instead."
    return f"Nothing answers on {shown} either: is the server running?"


async def _answers(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(PROBE_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
