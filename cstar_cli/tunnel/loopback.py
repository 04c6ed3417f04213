"""Whether the other loopback address would have answered.

`localhost` may mean 127.0.0.1 to one program and ::1 to another; a server that listens on the one is refused on the
other, which looks like a server that isn't there.
"""

import asyncio

from cstar_cli.sender.target import Target

PROBE_S = 0.5
_ELSEWHERE = {"127.0.0.1": ("::1",), "::1": ("127.0.0.1",), "localhost": ("127.0.0.1", "::1")}


async def hint_when_refused(target: Target) -> str | None:
    """Say where the server may be, when the target is of this machine and refused."""
    elsewhere = _ELSEWHERE.get(target.host)
    if elsewhere is None:
        return None
    places = [f"[{host}]:{target.port}" if ":" in host else f"{host}:{target.port}" for host in elsewhere]
    for host, place in zip(elsewhere, places, strict=True):
        if await _answers(host, target.port):
            return f"{place} answers: forward to {target.scheme}://{place}{target.path_and_query} instead."
    if len(places) > 1:
        return f"Nothing answers on {' or '.join(places)}: is the server running?"
    return f"Nothing answers on {places[0]} either: is the server running?"


async def _answers(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(PROBE_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
