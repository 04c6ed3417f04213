"""Whether the other loopback address would have answered.

`localhost` may mean 127.0.0.1 to one program and ::1 to another; a server that listens on the one is refused on the
other, which looks like a server that isn't there.
"""

import asyncio

from cstar_cli.sender.target import Target

PROBE_S = 0.5
_ELSEWHERE = {"127.0.0.1": ("::1",), "::1": ("127.0.0.1",), "localhost": ("127.0.0.1", "::1")}


async def where_else(target: Target) -> str | None:
    """Say where a server answers, when the target is of this machine and refused."""
    for host, place in _places(target):
        if await _answers(host, target.port):
            return f"{place} answers: forward to {target.scheme}://{place}{target.path_and_query} instead."
    return None


async def hint_when_refused(target: Target) -> str | None:
    """Say where the server may be, or isn't either, when the target is of this machine and refused."""
    places = [place for _, place in _places(target)]
    if not places:
        return None
    if answers := await where_else(target):
        return answers
    if len(places) > 1:
        return f"Nothing answers on {' or '.join(places)}: is the server running?"
    return f"Nothing answers on {places[0]} either: is the server running?"


def is_here(target: Target) -> bool:
    """Say whether the target is this machine's own, by its name."""
    return target.host in _ELSEWHERE


def _places(target: Target) -> list[tuple[str, str]]:
    """Return each other host that may be meant, and how it is written with the port."""
    elsewhere = _ELSEWHERE.get(target.host, ())
    return [(host, f"[{host}]:{target.port}" if ":" in host else f"{host}:{target.port}") for host in elsewhere]


async def _answers(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(PROBE_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
