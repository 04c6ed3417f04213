"""`cstar cloud`: the cloud as a process of its own; `status` and `stop`."""

import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli import config
from cstar_cli.commands import cloud_keys, cloud_serve
from cstar_cli.commands.options import ApiBase
from cstar_cli.commands.timing import VARIABLE_PREFIX
from cstar_cli.errors import CstarError, UsageError

if TYPE_CHECKING:
    from cstar_cli.client.answers import Health

STOP_S = 15.0
LOOK_S = 0.05

app = typer.Typer(help="Run the cloud as a process of its own.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def cloud() -> None:
    """Run the cloud as a process of its own."""


app.command("serve", context_settings={"auto_envvar_prefix": VARIABLE_PREFIX.rstrip("_")})(cloud_serve.serve)
app.command("migrate", context_settings={"auto_envvar_prefix": VARIABLE_PREFIX.rstrip("_")})(cloud_serve.migrate)
app.add_typer(cloud_keys.app, name="keys")


@app.command("status")
def status(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Say whether a cloud runs, and how it is."""
    from cstar_cli.commands.saying import say, say_json

    health = health_of(api_base)
    if json:
        say_json(health)
        return
    say(
        f"{running(health, api_base)}.",
        f"Since {health.started_at}, version {health.version}, listeners connected: {health.sessions}.",
        f"Database {health.database}",
    )


@app.command("stop")
def stop(api_base: ApiBase = config.DEFAULT_API_BASE) -> None:
    """Stop the cloud that runs as a process of its own on this machine."""
    from cstar_cli.cloud.running import read_note
    from cstar_cli.commands.saying import say

    if not config.is_loopback(config.api_base(api_base)):
        raise UsageError(f"{api_base} is not on this machine: stop that cloud where it runs.")
    health = health_of(api_base)
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
    say(f"The cloud (pid {health.pid}) has stopped.")


def health_of(api_base: str) -> "Health":
    """Return how the cloud at the address is."""
    from cstar_cli.client.connect import connect
    from cstar_cli.commands.saying import say_aside

    with connect(api_base, os.environ, say_aside) as client:
        return client.health()


def running(health: "Health", api_base: str) -> str:
    """Say where a cloud runs, and as what."""
    kind = "inside cstar listen" if health.embedded else "as cstar cloud serve"
    return f"The cloud runs on {api_base}, {kind} (pid {health.pid})"


def _end(pid: int) -> bool:
    """Tell a process to stop; return whether it has, within `STOP_S`."""
    try:
        if sys.platform == "win32":
            os.kill(pid, signal.SIGTERM)  # ends it there and then; a signal 0 would be a Ctrl-C to ourselves
            return True
        if sys.platform == "linux" and hasattr(os, "pidfd_open"):
            return _end_descriptor(os.pidfd_open(pid))
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + STOP_S
        while time.monotonic() < until:
            time.sleep(LOOK_S)  # only Linux tells when a process that isn't a child has ended
            os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


if sys.platform == "linux":

    def _end_descriptor(descriptor: int) -> bool:
        try:
            signal.pidfd_send_signal(descriptor, signal.SIGTERM)
            return bool(select.select((descriptor,), (), (), STOP_S)[0])
        finally:
            os.close(descriptor)
