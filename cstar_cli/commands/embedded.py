"""The cloud as a part of this process: how `listen` and `cloud serve` start one."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from cstar_cli.cloud.api.guard import Access
from cstar_cli.cloud.running import RunningNote, read_note, write_note
from cstar_cli.cloud.server import CloudOptions, PortTaken, running_cloud
from cstar_cli.cloud.store.sqlite.lock import DatabaseInUse
from cstar_cli.config import Home, Profile
from cstar_cli.tunnel.connection import Unreachable


def access_of(home: Home, profile: Profile, hosts: tuple[str, ...] = ()) -> Access:
    """Return who may use a cloud of this machine: whoever can read its token."""
    return Access({home.token(): profile.team_id}, frozenset(hosts))


@asynccontextmanager
async def noted_cloud(home: Home, options: CloudOptions) -> AsyncIterator[str]:
    """Run a cloud, leaving the note that says so; yields its address."""
    async with running_cloud(options) as (_, address):
        write_note(home, RunningNote(os.getpid(), address, str(options.database), options.embedded))
        yield address


def cloud_starter(home: Home, profile: Profile, api_base: str) -> Callable[[], AbstractAsyncContextManager[str]]:
    """Return what makes this process the cloud at the address, on the database that the last one there used."""
    parts = urlsplit(api_base)
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname or ""

    @asynccontextmanager
    async def start() -> AsyncIterator[str]:
        note = read_note(home)
        database = Path(note.database) if note and note.address == f"http://{parts.netloc}" else home.database
        options = CloudOptions(host, parts.port or 80, database, access_of(home, profile), embedded=True)
        try:
            running = noted_cloud(home, options)
            address = await running.__aenter__()
        except (PortTaken, DatabaseInUse) as error:
            raise Unreachable(str(error)) from error
        try:
            yield address
        finally:
            await running.__aexit__(None, None, None)

    return start
