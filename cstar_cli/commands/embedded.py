"""The cloud as a part of this process: how `listen` and `cloud serve` start one.

The cloud is imported when one is started: a `listen` that finds one running needs none of it.
"""

import importlib
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from cstar_cli.cloud.options import CloudOptions, DeliveryPolicy
from cstar_cli.commands.loop import loading
from cstar_cli.config import Home
from cstar_cli.deferred import defer, defer_answering
from cstar_cli.profiles import Profile
from cstar_cli.tunnel.connection import Unreachable

GRACE_S = 30.0  # on one machine whoever will come back does so within the longest pause of a reconnect, 10 s

if TYPE_CHECKING:
    from cstar_cli.cloud.api.guard import Access


def load_cloud() -> None:
    """Load what a cloud takes, without what uvicorn and starlette import for uses that we don't have."""
    with loading():
        defer("logging.config", "http.client", "http.cookies", "html", "anyio", "anyio.abc", "anyio.to_thread")
        defer_answering("uvicorn.main", Server=None, main=None, run=None)  # its command line
        importlib.import_module("cstar_cli.cloud.server")


def access_of(home: Home, profile: Profile, hosts: tuple[str, ...] = ()) -> "Access":
    """Return who may use a cloud of this machine: whoever can read its token."""
    from cstar_cli.cloud.api.guard import Access

    return Access({home.token(): profile.team_id}, frozenset(hosts))


@asynccontextmanager
async def noted_cloud(home: Home, options: CloudOptions) -> AsyncIterator[str]:
    """Run a cloud, leaving the note that says so; yields its address."""
    from cstar_cli.cloud.running import RunningNote, write_note
    from cstar_cli.cloud.server import running_cloud
    from cstar_cli.cloud.store.open import shown

    async with AsyncExitStack() as running:
        with loading():  # of the store, too
            _, address = await running.enter_async_context(running_cloud(options))
        write_note(home, RunningNote(os.getpid(), address, shown(options.database), options.embedded))
        yield address


class CloudStarter(msgspec.Struct, frozen=True):
    """Makes this process the cloud at a local address."""

    home: Home
    profile: Profile
    api_base: str
    retention_s: float
    policy: DeliveryPolicy

    @asynccontextmanager
    async def start(self, take_over: bool) -> AsyncIterator[str]:
        """Run the cloud, to `take_over` on the database that the last one there used.

        Raises Unreachable when another process was first.
        """
        load_cloud()
        from cstar_cli.cloud.server import PortTaken
        from cstar_cli.cloud.store.sqlite.lock import DatabaseInUse

        parts = urlsplit(self.api_base)
        host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname or ""
        port = parts.port or 80
        database = self._last_database(host, port) if take_over else self.home.database
        options = CloudOptions(
            host=host,
            port=port,
            database=database,
            access=access_of(self.home, self.profile),
            embedded=True,
            grace_s=GRACE_S,
            retention_s=self.retention_s,
            policy=self.policy,
        )
        running = noted_cloud(self.home, options)
        try:
            address = await running.__aenter__()
        except PortTaken as error:
            raise Unreachable(str(error)) from error
        except DatabaseInUse as error:
            raise Unreachable(self._where_else(str(error))) from error
        try:
            yield address
        finally:
            await running.__aexit__(None, None, None)

    def _last_database(self, host: str, port: int) -> Path:
        """Return the file of the cloud that was here. Raises Unreachable where it had a database server."""
        from cstar_cli.cloud.running import read_note
        from cstar_cli.cloud.store.open import is_url

        note = read_note(self.home)
        if note is None:
            return self.home.database
        there = urlsplit(note.address)
        if (there.hostname, there.port) != (host, port):
            return self.home.database
        if is_url(note.database):
            raise Unreachable(f"the cloud on {note.database} is away")
        return Path(note.database)

    def _where_else(self, in_use: str) -> str:
        """Say how to get on when the cloud of this home runs, at another address than ours."""
        from cstar_cli.cloud.running import read_note

        note = read_note(self.home)
        if note is None or note.address == self.api_base:
            return in_use
        return (
            f"The cloud of {self.home.path} (pid {note.pid}) runs on {note.address}: use that one with "
            f"--api-base {note.address}, or set CSTAR_HOME to another folder."
        )
