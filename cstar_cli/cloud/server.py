"""Runs a cloud: binds its address, takes its database, serves until told to stop."""

import asyncio
import contextlib
import errno
import logging
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from cstar_cli.clock import now_ms
from cstar_cli.cloud.api.app import build_app
from cstar_cli.cloud.api.guard import Access
from cstar_cli.cloud.service import Cloud
from cstar_cli.cloud.sessions import Sessions
from cstar_cli.cloud.store.sqlite.driver import SqliteStore
from cstar_cli.config import make_folder
from cstar_cli.errors import CstarError, NotAllowed
from cstar_cli.protocol.frames import MAX_MESSAGE_BYTES

BACKLOG = 2048
DRAIN_S = 1  # only for what is stuck: tunnels and tails are told to end first
DEFAULT_GRACE_S = 120.0


class PortTaken(CstarError):
    """Somebody listens on the address already: another cloud, or a foreign program."""


@dataclass(frozen=True, slots=True)
class CloudOptions:
    """How a cloud runs. Port 0 takes any free one; `grace_s` is how long a session may stay away."""

    host: str
    port: int
    database: Path
    access: Access
    embedded: bool
    grace_s: float = DEFAULT_GRACE_S


@asynccontextmanager
async def running_cloud(options: CloudOptions) -> AsyncIterator[tuple[Cloud, str]]:
    """Run a cloud within the `async with`, which gets it and its address.

    Raises PortTaken, DatabaseInUse or another CstarError before anything is served.
    """
    listening = _bind(options.host, options.port)
    try:
        make_folder(options.database.parent)
        store = SqliteStore.open(options.database, now_ms)
    except BaseException:
        listening.close()
        raise
    try:
        sessions = Sessions(store, options.grace_s, time.monotonic, asyncio.sleep)
        await sessions.remember()
        cloud = Cloud(
            store=store,
            sessions=sessions,
            clock=time.monotonic,
            now_ms=now_ms,
            pid=os.getpid(),
            embedded=options.embedded,
            database=str(options.database),
            started_at_ms=now_ms(),
        )
        async with _serving(cloud, options.access, listening):
            yield cloud, _address(listening)
    finally:
        listening.close()
        await store.close()


@asynccontextmanager
async def _serving(cloud: Cloud, access: Access, listening: socket.socket) -> AsyncIterator[None]:
    server = _Server(_config(cloud, access))
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(sockets=[listening]))
        sweeping = group.create_task(cloud.sessions.sweep())
        await server.ready.wait()
        try:
            yield
        finally:
            # Tunnels and tails first: uvicorn waits for open connections.
            cloud.stop()
            server.should_exit = True
            sweeping.cancel()
            await asyncio.wait({serving})  # here, for the group would cut it short when it is left by an error


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us and says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _config(cloud: Cloud, access: Access) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what fails is answered and logged by our app
    return uvicorn.Config(
        build_app(cloud, access),
        loop="none",
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=DRAIN_S,
    )


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
