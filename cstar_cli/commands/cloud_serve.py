"""`cstar cloud serve` and `migrate`: a node of the service, and the database that it needs."""

import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli import config
from cstar_cli.commands import service_options as given
from cstar_cli.commands.timing import Timing
from cstar_cli.errors import CstarError, ExitCode

if TYPE_CHECKING:
    from cstar_cli.cloud.options import CloudOptions

_USUAL = Timing()


def serve(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="The port; 0 takes a free one.")] = 7827,
    database: given.Database = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A host name that requests may use beside localhost.")
    ] = None,
    retention: given.Retention = _USUAL.retention,
    retry_schedule: given.RetrySchedule = _USUAL.retry_schedule,
    delivery_timeout: given.DeliveryTimeout = _USUAL.delivery_timeout,
    max_in_flight: given.MaxInFlight = _USUAL.max_in_flight,
    disable_after: given.DisableAfter = _USUAL.disable_after,
    allow_private_addresses: given.AllowPrivate = False,
    rate_limit: given.RateLimit = 1000,
    rate_limit_publishable: given.RateLimitPublishable = None,
    poll_interval: given.PollInterval = "1s",
    grace: given.Grace = "2m",
    log_format: Annotated[
        given.LogFormat, typer.Option(help="How the log on stderr is written.")
    ] = given.LogFormat.TEXT,
    log_level: Annotated[given.LogLevel, typer.Option(help="From which level up.")] = given.LogLevel.INFO,
) -> None:
    """Run the cloud in the foreground, until Ctrl-C.

    Every option is an environment variable too: CSTAR_RETENTION for --retention.
    """
    from cstar_cli.cloud import logs
    from cstar_cli.cloud.options import CloudOptions
    from cstar_cli.commands.durations import seconds
    from cstar_cli.commands.embedded import access_of, load_cloud
    from cstar_cli.commands.loop import run_async
    from cstar_cli.commands.saying import say_aside

    load_cloud()
    home = config.home(os.environ)
    timing = Timing(retention, retry_schedule, delivery_timeout, max_in_flight, disable_after)
    options = CloudOptions(
        host=host,
        port=port,
        database=given.database_of(database, home.database),
        access=access_of(home, home.profile(), tuple(allow_host or ())),
        embedded=False,
        grace_s=seconds("--grace", grace, "1s", "1d"),
        retention_s=timing.retention_s,
        poll_s=seconds("--poll-interval", poll_interval, "10ms", "1m"),
        policy=timing.policy(private_addresses=allow_private_addresses),
        limits=given.request_limits(rate_limit, rate_limit_publishable),
    )
    logs.configure(log_format.value, log_level.value, sys.stderr)
    ended_by = run_async(_serve(home, options))
    if log_format is given.LogFormat.TEXT:  # else stderr is JSON to its last line, which says so too
        say_aside("The cloud has stopped.")
    # A supervisor's SIGTERM, and cstar cloud stop, end a service as it should end.
    raise typer.Exit(ExitCode.INTERRUPTED if ended_by == signal.SIGINT else ExitCode.DONE)


async def _serve(home: config.Home, options: "CloudOptions") -> int:
    """Serve until a signal, and return it."""
    import asyncio

    from cstar_cli.cloud.server import PortTaken
    from cstar_cli.cloud.store.open import shown
    from cstar_cli.commands.embedded import noted_cloud
    from cstar_cli.commands.loop import on_stop_signals
    from cstar_cli.commands.saying import say

    stop = asyncio.Event()
    signals: list[int] = []

    def end(number: int) -> None:
        signals.append(number)
        stop.set()

    on_stop_signals(end)
    try:
        async with noted_cloud(home, options) as address:
            _collect_seldom()
            say(f"The cloud runs on {address} (Ctrl-C stops it).", f"Database {shown(options.database)}")
            await stop.wait()
    except PortTaken as error:
        raise _cloud_on(home, options.port) or error from error
    return signals[0]


def _collect_seldom() -> None:
    """Keep a node's pauses short: a thousand tunnels are objects enough for full collections of a tenth of a second.

    While such a crowd connects, Python's own thresholds ask for several of them.
    """
    import gc

    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _cloud_on(home: config.Home, port: int) -> CstarError | None:
    """Return what to say when the port is taken by a cloud of this home."""
    from urllib.parse import urlsplit

    from cstar_cli.cloud.running import read_note
    from cstar_cli.commands.cloud import health_of, running

    note = read_note(home)
    if note is None or urlsplit(note.address).port != port:
        return None
    try:
        health = health_of(note.address)
    except CstarError:
        return None
    return CstarError(f"{running(health, note.address)} already: use that one, stop it, or choose another port.")


def migrate(database: given.Database = None) -> None:
    """Bring a database to what this version of the cloud needs.

    A cloud that starts does the same; do it first where many nodes are to start at once.
    """
    from cstar_cli.cloud.store import open as stores
    from cstar_cli.commands.loop import run_async
    from cstar_cli.commands.saying import say

    place = given.database_of(database, config.home(os.environ).database)
    applied = run_async(stores.migrate(place))
    for name in applied:
        say(f"Applied {name}.")
    say(f"{stores.shown(place)} is up to date.")
