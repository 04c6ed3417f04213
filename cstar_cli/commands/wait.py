"""`cstar wait`: blocks until an event of a kind was delivered, for scripts."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cstar_cli import config
from cstar_cli.clock import now_ms
from cstar_cli.commands.completing import complete_globs
from cstar_cli.commands.options import ApiBase, NoColor
from cstar_cli.errors import CloudUnreachable, ExpectationNotMet

if TYPE_CHECKING:
    from cstar_cli.activity import Attempted, Notice
    from cstar_cli.client.api import ApiClient
    from cstar_cli.client.tail import TailQuery
    from cstar_cli.events.overrides import Assignment

LOOK_S = 0.2


class Options(msgspec.Struct, frozen=True):
    """What to wait for: an event that the patterns take and whose values are as said, delivered since then."""

    patterns: tuple[str, ...]
    wanted: "Sequence[Assignment]"
    since: str | None
    timeout_s: float
    api_base: str
    json: bool
    no_color: bool


def wait(
    event_type: Annotated[
        str,
        typer.Argument(metavar="TYPE", help="The event type, or a pattern: ticket.*", autocompletion=complete_globs),
    ],
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH=TEXT", help="Only with this value, like data.priority=high; PATH:=JSON too."),
    ] = None,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="How long to wait: 5s, 500ms, 1m.")] = "30s",
    since: Annotated[
        str | None, typer.Option(metavar="10m|TIME", help="Take one that was delivered since, too; else from now on.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the attempt as one JSON object.")] = False,
    no_color: NoColor = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Wait until such an event was delivered with success; exit 5 when none was in time.

    A cloud that is still to be started is waited for as well.
    """
    from cstar_cli.commands.durations import duration_ms, moment
    from cstar_cli.events.filters import EventFilter
    from cstar_cli.events.overrides import parse_assignment

    run(
        Options(
            patterns=EventFilter.parse([event_type]).patterns,
            wanted=[parse_assignment(each) for each in where or []],
            since=None if since is None else moment(since, now_ms()),
            timeout_s=duration_ms(timeout) / 1000,
            api_base=api_base,
            json=json,
            no_color=no_color,
        )
    )


def run(options: Options) -> None:
    """Show the attempt that was waited for. Raises ExpectationNotMet when there was none in time."""
    from cstar_cli.activity import Notice
    from cstar_cli.commands.within import OutOfTime, within
    from cstar_cli.events.filters import EventFilter
    from cstar_cli.render.console import make_renderer

    report = make_renderer(json=options.json, quiet=False, no_color=options.no_color)
    for warning in EventFilter.parse(options.patterns).warnings():
        report(Notice(warning))
    answers = False
    try:
        for item in within(options.timeout_s, lambda: _awaited(options, lambda message: report(Notice(message)))):
            answers = True
            if item is not None:
                report(item)
                if not isinstance(item, Notice):
                    return
    except OutOfTime:
        if not answers:
            silent = f"The cloud at {options.api_base} hasn't answered in {options.timeout_s:g} s"
            raise CloudUnreachable(f"{silent}; see cstar doctor.") from None
    raise ExpectationNotMet(f"No {', '.join(options.patterns)} was delivered with success in {options.timeout_s:g} s.")


def _awaited(options: Options, say: Callable[[str], None]) -> "Iterator[Attempted | Notice | None]":
    """Yield None once the cloud answers, what is to be told meanwhile, and the first attempt that is wanted."""
    from cstar_cli.activity import Notice
    from cstar_cli.client.connect import connect
    from cstar_cli.client.tail import follow

    deadline = time.monotonic() + options.timeout_s
    with connect(options.api_base, os.environ, say) as client:
        query = _beginning(client, options, deadline)
        yield None
        for item in follow(client, query, deadline):
            if isinstance(item, Notice):
                yield item
            elif _is_wanted(client, options.wanted, item):
                yield item
                return


def _beginning(client: "ApiClient", options: Options, deadline: float) -> "TailQuery":
    """Return where in the log to begin; a cloud that isn't there yet is looked for until then."""
    from cstar_cli.client.tail import TailQuery, end_of_log
    from cstar_cli.events.envelope import iso_ms

    if options.since is not None:
        _until_it_runs(client, deadline)
        return TailQuery(since=options.since, events=options.patterns, status="succeeded")
    began = iso_ms(now_ms())
    try:
        return TailQuery(after=end_of_log(client), events=options.patterns, status="succeeded")
    except CloudUnreachable:
        _until_it_runs(client, deadline)
        return TailQuery(since=began, events=options.patterns, status="succeeded")


def _until_it_runs(client: "ApiClient", deadline: float) -> None:
    while True:
        try:
            client.health()
        except CloudUnreachable:
            if time.monotonic() + LOOK_S > deadline:
                raise
            time.sleep(LOOK_S)
        else:
            return


def _is_wanted(client: "ApiClient", wanted: "Sequence[Assignment]", attempt: "Attempted") -> bool:
    if not wanted:
        return True
    from cstar_cli.errors import UsageError
    from cstar_cli.events.canonical import dumps, parse
    from cstar_cli.events.overrides import find_value
    from cstar_cli.resources import EventInFull

    body = parse(client.get(f"/events/{attempt.event_id}", {}, EventInFull).body)
    try:
        return all(dumps(find_value(body, each.path)) == dumps(each.value) for each in wanted)
    except UsageError:  # it has no such path
        return False
