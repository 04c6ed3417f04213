"""PostgreSQL servers of the tests' own: each a fresh cluster on a free port, in a folder that goes with it.

They run as `postgres` or `nobody` when we are root, which PostgreSQL refuses to be.
"""

import asyncio
import atexit
import contextlib
import functools
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

import asyncpg

from cstar_cli.cloud.store.postgres.migrating import migrate

from .processes import free_port

USER = "cstar"
START_S = 60.0
_INSTALLED = Path("/usr/lib/postgresql")
# The server ends with us, however we end: then the shell reads the end of its input.
_UNTIL_WE_END = 'postgres_="$1"; shift; "$postgres_" "$@" & read -r _; kill -INT $!; wait $!'


class Postgres:
    """A server; `start` it, and `stop` or `kill` it as often as a test likes. Its databases stay until `close`.

    It forgets on a power cut what tests can do without; `settings` says otherwise, fsync="on".
    """

    def __init__(self, **settings: str) -> None:
        self.port = free_port()
        self._settings = settings
        self._identity = _unprivileged()
        self._folder = Path(tempfile.mkdtemp(prefix="cstar-postgres-"))
        self._data = self._folder / "data"
        self._shell: subprocess.Popen[str] | None = None
        self._ready = threading.Event()
        self._said: list[str] = []
        self._numbers = itertools.count()
        if self._identity:
            os.chown(self._folder, self._identity["user"], self._identity["group"])
        subprocess.run(["cp", "-a", _initialised(), self._data], check=True)

    def __enter__(self) -> "Postgres":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and return when it accepts connections."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._folder,
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": 200,
            "shared_buffers": "64MB",
            **self._settings,
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        self._ready.clear()
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _UNTIL_WE_END, "sh", _program("postgres"), "-D", self._data, *options],
            **self._identity,
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=[self._shell], daemon=True)
        self._reader.start()
        if not self._ready.wait(START_S) or self._shell.poll() is not None:
            raise AssertionError("PostgreSQL didn't start:\n" + "".join(self._said))

    def stop(self) -> None:
        """Stop the server in order: connections are cut, what is committed is written."""
        if self._shell and self._shell.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._shell.stdin.close()
            self._shell.wait(START_S)
            self._reader.join(START_S)
            self._shell = None

    def kill(self) -> None:
        """Kill the server with SIGKILL: the next start recovers from its log."""
        os.kill(int((self._data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
        self.stop()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def create_database(self, template: str = "template1") -> str:
        """Make a database and return its name."""
        name = f"cstar_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    @functools.cached_property
    def template(self) -> str:
        """A database that is migrated, to make others of."""
        name = self.create_database()
        _run(migrate(self.url(name)))
        return name

    def ask(self, sql: str, database: str = "postgres") -> list[int]:
        """Return the first column of what a question finds, which is numbers."""

        async def run() -> list[int]:
            connection = await asyncpg.connect(self.url(database))
            try:
                return [int(row[0]) for row in await connection.fetch(sql)]
            finally:
                await connection.close()

        return asyncio.run(run())

    def execute(self, sql: str, database: str = "postgres") -> None:
        """Run a script on a connection of its own."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url(database))
            try:
                await connection.execute(sql)
            finally:
                await connection.close()

        _run(run())

    def _read(self, shell: subprocess.Popen[str]) -> None:
        """Read what the server says, to the end: that comes when the last of its processes is gone."""
        assert shell.stdout
        with shell.stdout:
            for line in shell.stdout:
                self._said.append(line)
                if "ready to accept connections" in line:
                    self._ready.set()
        self._ready.set()


def _run(work: Coroutine[object, object, object]) -> None:
    """Run it on a loop of its own, whether or not there is one here."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


@functools.cache
def shared_postgres() -> Postgres:
    """The one server of this test process; tests have databases of their own there."""
    server = Postgres()
    atexit.register(server.close)
    server.start()
    return server


@functools.cache
def _initialised() -> Path:
    """Make a data folder once; a copy of it takes a tenth of the time."""
    folder = Path(tempfile.mkdtemp(prefix="cstar-initdb-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    identity = _unprivileged()
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    options = ["-U", USER, "--auth=trust", "--no-sync", "--no-locale", "-E", "UTF8"]
    made = subprocess.run(
        [_program("initdb"), "-D", folder / "data", *options],
        **identity,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise AssertionError(f"initdb failed: {made.stdout}{made.stderr}")
    return folder / "data"


@functools.cache
def _program(name: str) -> str:
    found = shutil.which(name) or next(
        (str(path) for path in sorted(_INSTALLED.glob(f"*/bin/{name}"), key=_version, reverse=True)), None
    )
    if not found:
        raise AssertionError(f"The tests need PostgreSQL, and {name} is nowhere: install the package postgresql.")
    return found


def _version(program: Path) -> int:
    version = program.parts[len(_INSTALLED.parts)]
    return int(version) if version.isdigit() else 0


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _unprivileged() -> _Identity:
    """Whom the server runs as, when it can't as us."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise AssertionError("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody.")
