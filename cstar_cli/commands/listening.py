"""A listener with everything real around it: the part that `listen` and `trigger --forward-to` share."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Protocol

import msgspec

from cstar_cli import __version__
from cstar_cli.activity import Activity, Ready, Summary
from cstar_cli.clock import elapsed_clock, now_ms
from cstar_cli.commands.pace import Pace
from cstar_cli.events.filters import EventFilter
from cstar_cli.events.wires import DEFAULT
from cstar_cli.protocol.frames import Delivery, Headers, Hello
from cstar_cli.protocol.listener import QUEUED_BEYOND_SLOTS, ListenerProtocol
from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import SYSTEM, Trust
from cstar_cli.tunnel.connection import CloudAddress, Connection, dial
from cstar_cli.tunnel.limits import MOST_SET_ASIDE
from cstar_cli.tunnel.listener import Listener
from cstar_cli.tunnel.surroundings import App, Look, Surroundings

if TYPE_CHECKING:
    from cstar_cli.sender.client import Sender
    from cstar_cli.sender.posting import Cancelable, Spawn
    from cstar_cli.suspicions.answers import OtherSecrets
    from cstar_cli.tunnel.forwarder import Done, Forwarder

    Forward = Callable[[Delivery, Done, Spawn], Cancelable]

LOOK_S = 2.0


UNVERIFIED = "insecure: the certificate of the URL that events go to is not checked."


class SessionOptions(msgspec.Struct, frozen=True):
    """What the cloud is asked for with the session.

    `name` is what people call it; with `origin` it takes only events that were triggered there. With `since_ms` it
    brings what came since then while nobody listened; with `latest` it skips what came during a gap.
    """

    name: str | None = None
    origin: str | None = None
    since_ms: int | None = None
    latest: bool = False


class Options(msgspec.Struct, frozen=True):
    """Which events to forward, where, signed with what, trusting whom, and how.

    With a `retry_speed`, what fails is tried again by the cloud's schedule, so many times faster.

    With `holds`, events wait while nothing listens there. `wire` is the wire version that they come in.
    """

    target: Target
    filter: EventFilter
    secret: str
    headers: Headers
    pace: Pace = Pace()
    retry_speed: float | None = None
    holds: bool = False
    session: SessionOptions = SessionOptions()
    trust: Trust = SYSTEM
    wire: str = DEFAULT

    @property
    def unverified(self) -> bool:
        """Whether events go to whoever answers, whatever certificate it shows."""
        return self.trust.insecure and self.target.scheme == "https"

    def warnings(self) -> Sequence[str]:
        """Return what the user should know before."""
        return [*self.filter.warnings(), UNVERIFIED] if self.unverified else self.filter.warnings()

    def targets(self) -> Sequence[Target]:
        """Return where events go."""
        return (self.target,)


class Output(msgspec.Struct, frozen=True):
    """Where what happens goes; `room` is what to wait for while whoever shows it can't keep up.

    `prepare` is called when there is time for what `report` needs the first time. Each post is made by what `around`
    makes of the way to post, with its route where there are several.
    """

    report: Callable[[Activity], None]
    room: Callable[[], Awaitable[object] | None]
    prepare: Callable[[], object] = lambda: None
    around: "Callable[[Forward, Options, str | None], Forward] | None" = None
    route: str | None = None


class Listening(Protocol):
    """What listens, along one way or several."""

    @property
    def stopping(self) -> bool: ...

    def stop(self) -> None: ...

    async def run(self) -> Summary: ...


def new_process() -> str:
    """Return what tells the listeners of a process from all others."""
    return os.urandom(12).hex()


@asynccontextmanager
async def real_listener(
    options: Options,
    address: CloudAddress,
    output: Output,
    start_cloud: Callable[[bool], AbstractAsyncContextManager[object]] | None,
    process: str | None = None,
) -> AsyncIterator[Listener]:
    """Yield a listener that is ready to `run`; those of one `process` aren't told of each other."""
    work = _Work(options)
    wanted = _hello(options, process or new_process())
    pace = options.pace
    protocol = ListenerProtocol(wanted, concurrency=pace.concurrency, most=pace.most, set_aside=pace.chaos is not None)

    def prepare() -> None:
        output.prepare()
        work.prepare()

    @asynccontextmanager
    async def dialled() -> AsyncIterator[Connection]:
        async with dial(address) as connection:
            # The turn after the next: our first words are out by then, and the cloud takes a while to answer them.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, prepare)
            yield connection

    def forward(delivery: Delivery, done: "Done", spawn: "Spawn") -> "Cancelable":
        return work.forwarder.forward(delivery, protocol.session_id or "", done, spawn)

    around = Surroundings(
        dial=dialled,
        forward=forward if output.around is None else output.around(forward, options, output.route),
        ready=partial(_ready, options, address),
        report=output.report,
        room=output.room,
        start_cloud=start_cloud,
        clock=elapsed_clock(),
        now_ms=now_ms,
        random=random.random,
        app=App(options.target.url, place_of(options.target), options.holds, work.look, work.hint),
        chaos=pace.chaos,
    )
    try:
        yield Listener(protocol, around)
    finally:
        await work.close()


def _hello(options: Options, process: str) -> Hello:
    held_back = 0 if options.pace.chaos is None else MOST_SET_ASIDE
    return Hello(
        forward_to=options.target.url,
        events=options.filter.patterns,
        window=options.pace.concurrency + QUEUED_BEYOND_SLOTS + held_back,
        agent=f"cstar-cli/{__version__}",
        retry_speed=options.retry_speed,
        name=options.session.name,
        only_origin=options.session.origin,
        since_ms=options.session.since_ms,
        latest=options.session.latest,
        listener=process,
        wire=options.wire,
    )


def _ready(options: Options, address: CloudAddress, session_id: str, embedded: bool) -> Ready:
    chaos = options.pace.chaos
    return Ready(
        forward_to=options.target.url,
        secret=options.secret,
        cloud=address.api_base,
        team_id=address.team_id,
        session_id=session_id,
        embedded=embedded,
        events=options.filter.patterns,
        name=options.session.name,
        only_mine=options.session.origin is not None,
        insecure=options.unverified,
        chaos=None if chaos is None else chaos.text,
        seed=None if chaos is None else chaos.seed,
        wire=wire_shown(options.wire),
    )


def wire_shown(wire: str) -> str | None:
    """Return the wire version where it is worth a word."""
    return None if wire == DEFAULT else wire


def place_of(target: Target) -> str:
    """Return where an application listens, in few words."""
    if target.socket_path is not None:
        return target.socket_path
    return target.authority if target.authority.endswith(f":{target.port}") else f"{target.authority}:{target.port}"


def _other_secrets() -> "OtherSecrets":
    from cstar_cli.commands.other_secrets import known_secrets  # late: only a refusal asks

    return known_secrets()


class _Work:
    """What forwards events, loaded by the time that one can come."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._sender: Sender | None = None

    @cached_property
    def forwarder(self) -> "Forwarder":
        from cstar_cli.events.wires import wire
        from cstar_cli.sender.client import Sender
        from cstar_cli.tunnel.forwarder import Forwarder
        from cstar_cli.tunnel.hints import Hints

        options = self._options
        self._sender = Sender(max_connections=options.pace.concurrency, trust=options.trust)
        return Forwarder(
            options.target,
            wire(options.wire),
            options.secret,
            options.headers,
            options.pace.timeout_s,
            self._sender,
            now_ms,
            Hints(options.trust),
            _other_secrets,
        )

    def prepare(self) -> None:
        """Load it."""
        _ = self.forwarder

    async def look(self) -> Look:
        """Connect to the application and hang up."""
        from cstar_cli.sender.outcome import Failure

        fault = await self.forwarder.sender.look(self._options.target, LOOK_S)
        match None if fault is None else fault.failure:
            case None | Failure.TLS:
                return "answers"
            case Failure.REFUSED:
                return "refuses"
            case _:
                return "silent"

    async def hint(self) -> str | None:
        """Say what may help when the application refuses; that events wait for it is said already."""
        options = self._options
        return await self.forwarder.hints.when_refused(options.target, waits=options.holds)

    async def close(self) -> None:
        if self._sender is not None:
            await self._sender.close()
