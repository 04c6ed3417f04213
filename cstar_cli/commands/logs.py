"""`cstar logs`: what became of the deliveries."""

import os
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cstar_cli import config
from cstar_cli.clock import now_ms
from cstar_cli.commands.completing import ids
from cstar_cli.commands.options import ApiBase, EventGlobs, NoColor
from cstar_cli.errors import UsageError

if TYPE_CHECKING:
    from cstar_cli.client.tail import TailQuery

_DEFAULT_LINES = 10
QUIET_S = 3.0
_SILENT = "The cloud hasn't answered so far: it may be frozen or overloaded. Waiting for it; Ctrl-C ends this."

app = typer.Typer(help="Follow what became of the deliveries.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def logs() -> None:
    """Follow what became of the deliveries."""


class Options(msgspec.Struct, frozen=True):
    """Which attempts, from which cloud, shown how."""

    query: "TailQuery"
    api_base: str
    json: bool
    no_color: bool


@app.command("tail")
def tail(
    lines: Annotated[
        int | None,
        typer.Option(
            "--lines", "-n", min=0, max=10_000, metavar="N", help="Begin with so many past attempts. [default: 10]"
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="10m|TIME", help="Begin so long ago, or at an ISO 8601 time.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on as attempts are made.")] = True,
    events: EventGlobs = None,
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", help="Only these: succeeded, failed, canceled, 2xx, 404.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="ID|NAME|URL",
            help="Only those to this webhook, session or URL.",
            autocompletion=ids("whk", "ses", "name"),
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object an attempt.")] = False,
    no_color: NoColor = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Follow the attempts at deliveries, live and in order."""
    from cstar_cli.client.tail import TailQuery

    if since is not None and lines is not None:
        raise UsageError("--since and --lines both say where to begin: give one of them.")
    query = TailQuery(
        lines=(_DEFAULT_LINES if lines is None else lines) if since is None else None,
        since=None if since is None else _moment(since),
        follow=follow,
        events=_patterns(events or []),
        status=status,
        target=target,
    )
    run(Options(query, api_base, json, no_color))


def run(options: Options) -> None:
    """Show the attempts; the cloud being away for a while is told on stderr."""
    from cstar_cli.activity import Notice
    from cstar_cli.client.connect import connect
    from cstar_cli.client.tail import follow
    from cstar_cli.commands.session_names import target_of
    from cstar_cli.commands.within import told_of_silence
    from cstar_cli.events.filters import EventFilter
    from cstar_cli.render.console import make_renderer

    report = make_renderer(json=options.json, quiet=False, no_color=options.no_color)
    for warning in EventFilter.parse(options.query.events).warnings():
        report(Notice(warning))
    with (
        connect(options.api_base, os.environ, lambda message: report(Notice(message))) as client,
        told_of_silence(QUIET_S, lambda: report(Notice(_SILENT))) as something_came,
    ):
        query = msgspec.structs.replace(options.query, target=target_of(client, options.query.target))
        if query.follow:
            something_came()  # where nothing happens, nothing comes
        for item in follow(client, query):
            something_came()
            report(item)


def _patterns(texts: list[str]) -> tuple[str, ...]:
    """Return the patterns of repeated options and comma lists; raises UsageError for one that is none."""
    from cstar_cli.events.filters import EventFilter

    return EventFilter.parse(texts).patterns if texts else ()


def _moment(since: str) -> str:
    from cstar_cli.commands.durations import moment

    return moment(since, now_ms())
