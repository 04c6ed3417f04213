"""`cstar cloud`: the cloud as a process of its own."""

import os
import select
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli import config
from cstar_cli.commands.options import ApiBase
from cstar_cli.errors import CstarError, ExitCode, UsageError

if TYPE_CHECKING:
    from cstar_cli.client.answers import Health

STOP_S = 15.0
LOOK_S = 0.05

app = typer.Typer(help="Run the cloud as a process of its own.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def cloud() -> None:
    """Run the cloud as a process of its own."""


@app.command("serve")
def serve(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="The port; 0 takes a free one.")] = 7827,
    database: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The database file. [default: cloud/cstar.db in CSTAR_HOME]")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A host name that requests may use beside localhost.")
    ] = None,
) -> None:
    """Run the cloud in the foreground, until Ctrl-C."""
    from cstar_cli.commands.loop import run_async

    home = config.home(os.environ)
    path = database.expanduser().absolute() if database else home.database
    if path.is_dir():
        raise UsageError(f"--database {path} is a folder: give the path of a file.")
    ended_by = run_async(_serve(home, host, port, path, tuple(allow_host or ())))
    # A supervisor's SIGTERM, and cstar cloud stop, end a service as it should end.
    raise typer.Exit(ExitCode.INTERRUPTED if ended_by == signal.SIGINT else ExitCode.DONE)


async def _serve(home: config.Home, host: str, port: int, database: Path, hosts: tuple[str, ...]) -> int:
    """Serve until a signal, and return it."""
    import asyncio

    from cstar_cli.cloud.server import CloudOptions, PortTaken
    from cstar_cli.commands.embedded import access_of, noted_cloud
    from cstar_cli.commands.loop import on_stop_signals

    stop = asyncio.Event()
    signals: list[int] = []

    def end(number: int) -> None:
        signals.append(number)
        stop.set()

    on_stop_signals(end)
    options = CloudOptions(host, port, database, access_of(home, home.profile(), hosts), embedded=False)
    try:
        async with noted_cloud(home, options) as address:
            typer.echo(f"The cloud runs on {address} (Ctrl-C stops it).\nDatabase {database}")
            await stop.wait()
    except PortTaken as error:
        raise _cloud_on(home, port) or error from error
    typer.echo("The cloud has stopped.", err=True)
    return signals[0]


def _cloud_on(home: config.Home, port: int) -> CstarError | None:
    """Return what to say when the port is taken by a cloud of this home."""
    from urllib.parse import urlsplit

    from cstar_cli.cloud.running import read_note

    note = read_note(home)
    if note is None or urlsplit(note.address).port != port:
        return None
    try:
        health = _health(note.address)
    except CstarError:
        return None
    return CstarError(f"{_running(health, note.address)} already: use that one, stop it, or choose another port.")


@app.command("status")
def status(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Say whether a cloud runs, and how it is."""
    health = _health(api_base)
    if json:
        import msgspec

        typer.echo(msgspec.json.encode(health))
        return
    _show(f"{_running(health, api_base)}.")
    _show(f"Since {health.started_at}, version {health.version}, listeners connected: {health.sessions}.")
    _show(f"Database {health.database}")


@app.command("stop")
def stop(api_base: ApiBase = config.DEFAULT_API_BASE) -> None:
    """Stop the cloud that runs as a process of its own on this machine."""
    from cstar_cli.cloud.running import read_note

    if not config.is_loopback(config.api_base(api_base)):
        raise UsageError(f"{api_base} is not on this machine: stop that cloud where it runs.")
    health = _health(api_base)
    if health.embedded:
        raise CstarError(f"The cloud runs inside cstar listen (pid {health.pid}): press Ctrl-C there.")
    note = read_note(config.home(os.environ))
    if note is None or note.pid != health.pid:
        # Only a process that this home has started is ended on the word of whoever answers there.
        raise CstarError(f"The cloud at {api_base} (pid {health.pid}) is not this CSTAR_HOME's: stop it where it runs.")
    try:
        ended = _end(health.pid)
    except PermissionError as error:
        raise CstarError(f"The cloud (pid {health.pid}) belongs to another user: stop it as that user.") from error
    if not ended:
        raise CstarError(f"The cloud (pid {health.pid}) was told to stop, but still runs after {STOP_S:.0f} s.")
    typer.echo(f"The cloud (pid {health.pid}) has stopped.")


def _health(api_base: str) -> "Health":
    from cstar_cli.client.connect import connect

    with connect(api_base, os.environ, lambda message: typer.echo(message, err=True)) as client:
        return client.health()


def _show(text: str) -> None:
    from cstar_cli.render.safe import harmless

    typer.echo(harmless(text))


def _running(health: "Health", api_base: str) -> str:
    kind = "inside cstar listen" if health.embedded else "as cstar cloud serve"
    return f"The cloud runs on {api_base}, {kind} (pid {health.pid})"


def _end(pid: int) -> bool:
    """Tell a process to stop; return whether it has, within `STOP_S`."""
    try:
        if hasattr(os, "pidfd_open"):
            return _end_descriptor(os.pidfd_open(pid))
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + STOP_S
        while time.monotonic() < until:
            time.sleep(LOOK_S)  # only Linux tells when a process that isn't a child has ended
            os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def _end_descriptor(descriptor: int) -> bool:
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        return bool(select.select((descriptor,), (), (), STOP_S)[0])
    finally:
        os.close(descriptor)
