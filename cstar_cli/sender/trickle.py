"""A request sent in pieces, as over a bad line: how a receiver takes that is a question of its own."""

import asyncio
from collections.abc import Sequence

from cstar_cli.sender.connection import Connection, Ending


def pieces_of(request: bytes, body_size: int, count: int) -> list[bytes]:
    """Return the head and then the body in at most so many pieces of nearly equal size."""
    head, body = request[: len(request) - body_size], request[len(request) - body_size :]
    size = max(1, -(-body_size // count))
    return [head, *(body[at : at + size] for at in range(0, body_size, size))]


async def exchange_slowly(
    connection: Connection, pieces: Sequence[bytes], pause_s: float, deadline: float | None
) -> Ending:
    """Send the pieces with pauses between them, and wait for the answer, at most until the clock shows the deadline.

    What is left when an answer comes isn't sent: the connection can't carry another request then.
    """
    ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def end(ending: Ending) -> None:
        if not ended.done():  # by a cancel
            ended.set_result(ending)

    first, *others = pieces
    connection.begin(first, deadline, end)
    for piece in others:
        await asyncio.wait((ended,), timeout=pause_s)
        if ended.done():
            connection.reader.reusable = False
            break
        connection.go_on(piece)
    return await ended
