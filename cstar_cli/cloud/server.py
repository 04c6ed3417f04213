"""Runs a node: binds its address, takes its database, serves and delivers until told to stop."""

import asyncio
import contextlib
import errno
import logging
import os
import random
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

from uvicorn.config import Config
from uvicorn.server import Server

from cstar_cli import __version__
from cstar_cli.clock import now_ms, steady_ms
from cstar_cli.cloud import logs
from cstar_cli.cloud.announcing import announce
from cstar_cli.cloud.api.app import build_api
from cstar_cli.cloud.api.sockets import Door
from cstar_cli.cloud.api.straight import Straight
from cstar_cli.cloud.api.upgrading import upgrading
from cstar_cli.cloud.dispatcher import Dispatcher
from cstar_cli.cloud.metrics import Metrics
from cstar_cli.cloud.node import Node
from cstar_cli.cloud.observing import session_attempt, webhook_attempt
from cstar_cli.cloud.options import CloudOptions
from cstar_cli.cloud.retries import SessionRetries, longest_waits_ms
from cstar_cli.cloud.service import Cloud
from cstar_cli.cloud.sessions import Sessions
from cstar_cli.cloud.store.open import open_store, shown
from cstar_cli.cloud.upkeep import Upkeep
from cstar_cli.errors import CstarError, NotAllowed
from cstar_cli.protocol.frames import MAX_MESSAGE_BYTES
from cstar_cli.sender.client import Sender
from cstar_cli.sender.guard import allowed

BACKLOG = 2048
ACCEPTED_A_TURN = 16
DRAIN_S = 10.0
REQUESTS_S = 5  # for requests that are stuck: tunnels and tails are told to end first
EMBEDDED_DRAIN_S = 1.0  # somebody has pressed Ctrl-C and waits
EMBEDDED_REQUESTS_S = 1
KEPT_CONNECTIONS = 1024


class PortTaken(CstarError):
    """Somebody listens on the address already: another cloud, or a foreign program."""


@asynccontextmanager
async def running_cloud(options: CloudOptions) -> AsyncIterator[tuple[Cloud, str]]:
    """Run a cloud within the `async with`, which gets it and its address.

    Raises PortTaken, DatabaseInUse or another CstarError before anything is served. What fails in the background ends
    the `async with`, with an ExceptionGroup.
    """
    _raise_file_limit()
    listening = _bind(options.host, options.port)
    steady = steady_ms()
    try:
        store = await open_store(options.database, now_ms=steady, poll_s=options.poll_s)
    except BaseException:
        listening.close()
        raise
    try:
        cloud = Cloud(
            options=options,
            store=store,
            sessions=Sessions(store, options.grace_s),
            metrics=Metrics(),
            clock=time.monotonic,
            now_ms=now_ms,
            pid=os.getpid(),
            database=shown(options.database),
            started_at_ms=now_ms(),
        )
        address = _address(listening)
        async with _serving(cloud, listening, steady):
            logs.info("started", address=address, database=cloud.database, pid=cloud.pid, version=__version__)
            yield cloud, address
    finally:
        listening.close()
        await store.close()
        logs.info("stopped")


@asynccontextmanager
async def _serving(cloud: Cloud, listening: socket.socket, store_ms: Callable[[], int]) -> AsyncIterator[None]:
    server = _Server(_config(cloud))
    policy = cloud.options.policy
    sender = Sender(max_connections=KEPT_CONNECTIONS, allow=partial(allowed, private=policy.private_addresses))
    observe = partial(webhook_attempt, cloud.metrics)
    # The wall clock is what receivers compare a signature's timestamp with.
    dispatcher = Dispatcher(cloud.store, sender, policy, now_ms=cloud.now_ms, random=random.random, observe=observe)
    upkeep = Upkeep(cloud.store, cloud.sessions, cloud.options.retention_s, longest_waits_ms(policy), store_ms)
    async with asyncio.TaskGroup() as group:
        accepting = _accepting(listening)
        serving = group.create_task(server.serve(sockets=accepting))
        background = [
            group.create_task(_or_say("dispatcher", dispatcher.run())),
            group.create_task(_or_say("announcing", announce(cloud.store, cloud.sessions))),
            group.create_task(_or_say("upkeep", upkeep.run())),
        ]
        await server.ready.wait()
        try:
            yield
        finally:
            logs.info("stopping")
            cloud.stop()  # tunnels and tails first: uvicorn waits for open connections
            server.should_exit = True
            await dispatcher.drain(EMBEDDED_DRAIN_S if cloud.embedded else DRAIN_S)
            await asyncio.wait({serving})  # here, for the group would cut it short when it is left by an error
            for task in background:
                task.cancel()
            for each in accepting:
                each.close()
            await sender.close()


def _accepting(listening: socket.socket) -> list[socket.socket]:
    """Return the socket several times over, since uvloop accepts one connection of each a turn.

    A request that comes behind a crowd of listeners would else wait for as many turns.
    """
    if sys.platform == "win32":  # where there is no uvloop
        return [listening]
    return [listening, *(listening.dup() for _ in range(ACCEPTED_A_TURN - 1))]


async def _or_say(name: str, work: Awaitable[None]) -> None:
    try:
        await work
    except Exception as error:
        logs.error("node fails", of=name, error=repr(error))
        raise


class _Server(Server):
    """uvicorn that leaves signals to us and says when it is ready."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _config(cloud: Cloud) -> Config:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what fails is answered and logged by our app
    api = build_api(cloud, cloud.options.access)
    observe = partial(session_attempt, cloud.metrics)
    retries = SessionRetries(cloud.options.policy, cloud.now_ms)
    node = Node(cloud.store, cloud.sessions, cloud.clock, observe, retries=retries)
    return Config(
        api.app,
        interface="asgi3",
        loop="none",
        http=_http_protocol(api.straight, api.door, node),
        ws=upgrading(api.door, node),
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=EMBEDDED_REQUESTS_S if cloud.embedded else REQUESTS_S,
    )


def _http_protocol(straight: Straight, door: Door, node: Node) -> type[asyncio.Protocol] | str:
    try:
        from cstar_cli.cloud.api.handshake import Handshakes
        from cstar_cli.cloud.api.straight_http import straight_http
    except ImportError:  # no httptools on this platform
        return "h11"  # whose heads have a bound of their own
    return straight_http(straight, Handshakes(door, node))


def _raise_file_limit() -> None:
    """Allow as many open files as the system lets us: every tunnel and every post under way is one."""
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(ValueError, OSError):  # macOS says "unlimited" and means 10,240
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise CstarError(f"Can't listen on {host}: {error.strerror}.") from error
    listening = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # there it would let two processes share the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(AttributeError, OSError):
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        where = f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"Something listens on {where} already: stop it, or choose another port.") from error
        if error.errno == errno.EACCES:
            raise NotAllowed(f"Not allowed to listen on {where}: choose a port above 1023.") from error
        raise CstarError(f"Can't listen on {where}: {error.strerror}.") from error
    listening.setblocking(False)
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
