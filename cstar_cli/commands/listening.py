"""A listener with everything real around it: the part that `listen` and `trigger --forward-to` share."""

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec

from cstar_cli import __version__
from cstar_cli.activity import Activity, Ready
from cstar_cli.clock import now_ms
from cstar_cli.events.filters import EventFilter
from cstar_cli.protocol.frames import Headers
from cstar_cli.protocol.listener import ListenerProtocol
from cstar_cli.sender.client import Sender
from cstar_cli.sender.target import Target
from cstar_cli.tunnel.connection import CloudAddress, dial
from cstar_cli.tunnel.forwarder import Forwarder
from cstar_cli.tunnel.listener import Listener, Surroundings


class Options(msgspec.Struct, frozen=True):
    """Which events to forward, where, signed with what. `timeout_s` is for one whole exchange."""

    target: Target
    filter: EventFilter
    secret: str
    headers: Headers
    timeout_s: float = 10.0
    concurrency: int = 32


class Output(msgspec.Struct, frozen=True):
    """Where what happens goes; `room` is what to wait for while whoever shows it can't keep up."""

    report: Callable[[Activity], None]
    room: Callable[[], Awaitable[object] | None]


@asynccontextmanager
async def real_listener(
    options: Options,
    address: CloudAddress,
    output: Output,
    start_cloud: Callable[[bool], AbstractAsyncContextManager[object]] | None,
) -> AsyncIterator[Listener]:
    """Yield a listener that is ready to `run`."""
    sender = Sender(max_connections=options.concurrency)
    protocol = ListenerProtocol(
        forward_to=options.target.url,
        events=options.filter.patterns,
        concurrency=options.concurrency,
        agent=f"cstar-cli/{__version__}",
    )
    around = Surroundings(
        dial=lambda: dial(address),
        forward=Forwarder(options.target, options.secret, options.headers, options.timeout_s, sender, now_ms).forward,
        ready=lambda session_id, embedded: Ready(
            forward_to=options.target.url,
            secret=options.secret,
            cloud=address.api_base,
            team_id=address.team_id,
            session_id=session_id,
            embedded=embedded,
            events=options.filter.patterns,
        ),
        report=output.report,
        room=output.room,
        start_cloud=start_cloud,
        clock=time.monotonic,
        now_ms=now_ms,
        random=random.random,
    )
    try:
        yield Listener(protocol, around)
    finally:
        await sender.close()
