"""`cstar cloud`: the cloud as a process of its own."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cstar_cli import config
from cstar_cli.errors import CstarError, ExitCode, UsageError

STOP_S = 15.0

app = typer.Typer(help="Run the cloud as a process of its own.", no_args_is_help=True, rich_markup_mode=None)

ApiBase = Annotated[str, typer.Option(envvar="CSTAR_API_BASE", metavar="URL", help="The cloud.")]


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
    run_async(_serve(home, host, port, path, tuple(allow_host or ())))
    raise typer.Exit(ExitCode.INTERRUPTED)


async def _serve(home: config.Home, host: str, port: int, database: Path, hosts: tuple[str, ...]) -> None:
    import asyncio

    from cstar_cli.cloud.server import CloudOptions
    from cstar_cli.commands.embedded import access_of, noted_cloud
    from cstar_cli.commands.loop import on_stop_signals

    stop = asyncio.Event()
    on_stop_signals(stop.set)
    options = CloudOptions(host, port, database, access_of(home, home.profile(), hosts), embedded=False)
    async with noted_cloud(home, options) as address:
        typer.echo(f"The cloud runs on {address} (database {database}). Ctrl-C stops it.")
        await stop.wait()
    typer.echo("The cloud has stopped.", err=True)


@app.command("status")
def status(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Say whether a cloud runs, and how it is."""
    from cstar_cli.client.connect import connect

    with connect(api_base, os.environ, lambda message: typer.echo(message, err=True)) as client:
        health = client.health()
    if json:
        import msgspec

        typer.echo(msgspec.json.encode(health))
        return
    kind = "inside cstar listen" if health.embedded else "as cstar cloud serve"
    typer.echo(f"The cloud runs on {api_base}, {kind} (pid {health.pid}).")
    typer.echo(f"Since {health.started_at}, version {health.version}, {health.sessions} connected session(s).")
    typer.echo(f"Database {health.database}")


@app.command("stop")
def stop(api_base: ApiBase = config.DEFAULT_API_BASE) -> None:
    """Stop the cloud that runs as a process of its own on this machine."""
    import signal

    from cstar_cli.client.connect import connect

    if not config.is_local(config.api_base(api_base)):
        raise UsageError(f"{api_base} is not on this machine: stop that cloud where it runs.")
    with connect(api_base, os.environ, lambda message: typer.echo(message, err=True)) as client:
        health = client.health()
    if health.embedded:
        raise CstarError(f"The cloud runs inside cstar listen (pid {health.pid}): press Ctrl-C there.")
    try:
        os.kill(health.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise CstarError(f"The cloud (pid {health.pid}) belongs to another user: stop it as that user.") from error
    typer.echo(f"The cloud (pid {health.pid}) is told to stop.")
