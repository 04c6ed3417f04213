"""`cstar trigger`: makes an event and sends it through the same path as any other."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cstar_cli import config
from cstar_cli.clock import now_ms
from cstar_cli.commands.completing import complete_type
from cstar_cli.commands.options import ApiBase, CaCert, Insecure, NoColor, WireIfGiven
from cstar_cli.errors import NotAllowed, UsageError
from cstar_cli.events.wires import DEFAULT, checked_name

if TYPE_CHECKING:
    from pathlib import Path

    from cstar_cli.commands.payload import Payload, Source
    from cstar_cli.commands.sending import Expectation
    from cstar_cli.events.library import Fixture
    from cstar_cli.sender.tls import Trust


MOST_INTERVAL_S = 86_400


class Options(msgspec.Struct, frozen=True):
    """What to send, how often, where to, and what to expect of it."""

    source: "Source"
    count: int
    interval_s: float
    expectation: "Expectation | None"
    api_base: str
    forward_to: str | None
    trust: "Trust | None"
    print_body: bool
    json: bool
    no_color: bool


Data = Annotated[
    str | None, typer.Option(metavar="JSON|@FILE|-", help="Replace the event's data (- reads standard input).")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--override", "-o", metavar="PATH=TEXT", help="Change a value; PATH:=JSON for other than text."),
]
Adds = Annotated[
    list[str] | None, typer.Option(metavar="PATH=TEXT", help="Add a value; never overwrites. PATH:=JSON too.")
]
Expect = Annotated[
    str | None, typer.Option(metavar="2xx|CODE", help="Wait, and exit 5 when an outcome differs or is missing.")
]
Within = Annotated[str | None, typer.Option(metavar="TIME", help="How long to wait: 5s, 500ms, 1m. [default: 30s]")]


def trigger(
    event_type: Annotated[
        str | None,
        typer.Argument(metavar="TYPE", help="The event type, or a fixture of yours.", autocompletion=complete_type),
    ] = None,
    data: Data = None,
    override: Overrides = None,
    add: Adds = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="PATH", help="Remove a value.")] = None,
    edit: Annotated[bool, typer.Option("--edit", help="Change the data in $VISUAL or $EDITOR first.")] = False,
    custom: Annotated[
        bool, typer.Option("--custom", help="Allow any resource.action as the type; needs --data.")
    ] = False,
    count: Annotated[int, typer.Option(min=1, metavar="N", help="How many events to send.")] = 1,
    interval: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="The pause between them.")] = 0,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the deliveries to their outcome and show it.")] = False,
    expect: Expect = None,
    within: Within = None,
    forward_to: Annotated[
        str | None, typer.Option(metavar="URL", help="Deliver to this URL from here, without any cloud running.")
    ] = None,
    insecure: Insecure = False,
    cacert: CaCert = None,
    wire: WireIfGiven = None,
    list_types: Annotated[bool, typer.Option("--list", help="Show all event types and exit.")] = False,
    print_body: Annotated[bool, typer.Option("--print", help="Print the body that would go; send nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the API's answer, one line an event.")] = False,
    no_color: NoColor = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Make an event of any type and send it to every listener.

    The built-in data of the type is realistic and fresh each time; change it with --override, --add and --remove, or
    replace it with --data.
    """
    made_in = checked_name(wire or DEFAULT)
    if list_types:
        show_types(made_in, json=json, no_color=no_color)
        return
    if event_type is None:
        raise UsageError("Which event type? Give one like ticket.created; cstar trigger --list shows all.")
    if not interval <= MOST_INTERVAL_S:  # NaN too
        raise UsageError(f"--interval {interval} is not a number of seconds up to {MOST_INTERVAL_S}.")
    from cstar_cli.commands.payload import Changes, Source

    changes = Changes(tuple(override or ()), tuple(add or ()), tuple(remove or ()))
    source = Source(event_type, data, changes, edit, custom, wire=made_in)
    own = _own_fixture(event_type)
    run(
        Options(
            source=source if own is None else _of_fixture(source, own.in_wire(made_in) if wire else own),
            count=count,
            interval_s=interval,
            expectation=_expectation(wait, expect, within),
            api_base=api_base,
            forward_to=forward_to,
            trust=_trust(forward_to, cacert, insecure),
            print_body=print_body,
            json=json,
            no_color=no_color,
        )
    )


def _trust(forward_to: str | None, cacert: str | None, insecure: bool) -> "Trust | None":
    if forward_to is None:
        if insecure or cacert is not None:
            raise UsageError("--insecure and --cacert are for --forward-to: a cloud's certificate is always checked.")
        return None
    from cstar_cli.sender.tls import trust_of

    return trust_of(cacert, insecure=insecure)


def _of_fixture(source: "Source", own: "Fixture") -> "Source":
    """Return the source with what a fixture of one's own says in place of the type's built-in data."""
    from cstar_cli.events.catalogue import all_names

    custom = source.custom or own.type not in all_names()
    return msgspec.structs.replace(source, event_type=own.type, custom=custom, fixture=own.data, wire=own.wire)


def _own_fixture(name: str) -> "Fixture | None":
    folders = config.fixture_folders(os.environ)
    if not any((folder / f"{name}.json").exists() for folder in folders.values()):
        return None
    from cstar_cli.events.library import library

    return library(folders).own(name)


def _expectation(wait: bool, expect: str | None, within: str | None) -> "Expectation | None":
    if not wait and expect is None and within is None:
        return None
    from cstar_cli.commands.durations import duration_ms
    from cstar_cli.commands.sending import Expectation, expected_status

    status = None if expect is None else expected_status(expect)
    within_ms = duration_ms("30s" if within is None else within)
    if not within_ms:
        raise UsageError("--within 0 leaves no time for any outcome: give it some, like 5s.")
    return Expectation(status, within_ms)


def run(options: Options) -> None:
    """Print, forward or send the events."""
    from cstar_cli.commands.payload import check_type

    check_type(options.source)
    if options.print_body:
        _print_bodies(options)
    elif options.forward_to is not None:
        _forward_in_process(options, _payloads(options))
    else:
        _send(options)


def show_types(wire: str, *, json: bool, no_color: bool) -> None:
    """Show every type of a wire version and its meaning."""
    from cstar_cli.events.catalogue import types
    from cstar_cli.render.console import open_console

    output = open_console(no_color=no_color).out
    if json:
        from cstar_cli.commands.saying import say_json_line
        from cstar_cli.events.canonical import dumps

        for known in types(wire):
            say_json_line(dumps({"type": known.name, "group": known.group, "meaning": known.meaning}))
        return
    from cstar_cli.render.tables import event_types

    event_types(((known.group, known.name, known.meaning) for known in types(wire)), output)


def _print_bodies(options: Options) -> None:
    from cstar_cli.commands.saying import say_json_line

    team_id = team_of(None if options.forward_to else options.api_base)
    for payload in _payloads(options):
        say_json_line(payload.body(team_id, now_ms()))


def _send(options: Options) -> None:
    from cstar_cli.activity import Notice
    from cstar_cli.client.connect import connect
    from cstar_cli.commands.sending import Clocks, send
    from cstar_cli.render.console import make_renderer

    report = make_renderer(json=options.json, quiet=False, no_color=options.no_color)
    clocks = Clocks(time.sleep, time.monotonic, now_ms)
    with connect(options.api_base, os.environ, lambda message: report(Notice(message))) as client:
        payloads = _payloads(options)
        if options.source.edit:
            client.health()  # before the user writes what could then not be sent
        send(client, payloads, options.interval_s, options.expectation, clocks, report)


def _forward_in_process(options: Options, payloads: "Iterator[Payload]") -> None:
    """Deliver the events without any cloud running; the outcome is the command's own."""
    import threading

    from cstar_cli.activity import Activity, Attempted, Forwarded, Notice, Summary
    from cstar_cli.commands.listening import UNVERIFIED
    from cstar_cli.commands.listening import Options as ListenOptions
    from cstar_cli.commands.loop import run_async
    from cstar_cli.commands.oneshot import forward_once
    from cstar_cli.commands.sending import Clocks, Expectation, send
    from cstar_cli.events.filters import EventFilter
    from cstar_cli.render.console import make_renderer
    from cstar_cli.sender.tls import SYSTEM
    from cstar_cli.tunnel.addresses import parse_forward_to

    report = make_renderer(json=options.json, quiet=False, no_color=options.no_color)
    # An attempt is seen twice, as the listener makes it (with the receiver's answer) and as the cloud logs it.
    unshown = (Summary, Forwarded) if options.json else (Summary, Attempted)

    one_at_a_time = threading.Lock()  # events are sent in one thread, and forwarded in another

    def show(activity: Activity) -> None:
        if not isinstance(activity, unshown):
            with one_at_a_time:
                report(activity)

    profile = config.home(os.environ).profile()
    listening = ListenOptions(
        target=parse_forward_to(options.forward_to or ""),
        filter=EventFilter.parse([]),
        secret=profile.signing_secret,
        headers=(),
        trust=options.trust or SYSTEM,
        wire=options.source.wire,
    )
    if listening.unverified:
        show(Notice(UNVERIFIED))
    expectation = options.expectation or Expectation(None, 30_000)
    clocks = Clocks(time.sleep, time.monotonic, now_ms)
    run_async(
        forward_once(
            listening,
            profile,
            lambda client: send(client, payloads, options.interval_s, expectation, clocks, show),
            show,
            lambda message: show(Notice(message)),
        )
    )


def _payloads(options: Options) -> "Iterator[Payload]":
    from cstar_cli.commands.payload import Desk, payloads

    if options.source.edit and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("--edit needs a terminal: give the data with --data instead.")
    desk = Desk(team_of(None if options.forward_to else options.api_base), now_ms, sys.stdin.buffer.read, _edit, _keep)
    return payloads(options.source, options.count, desk)


def team_of(api_base: str | None) -> str:
    """Return the team whose events these are: that of the cloud's key, or of this machine where no cloud is asked."""
    home = config.home(os.environ)
    if api_base is not None:
        with contextlib.suppress(NotAllowed):  # without a key for that cloud nothing can be sent, but printed it can
            return config.credentials(config.api_base(api_base), os.environ, home).team_id
    return home.profile().team_id


def _edit(text: str) -> str:
    from cstar_cli.commands.editor import edit_text

    return edit_text(text)


def _keep(text: str) -> "Path":
    from cstar_cli.commands.editor import keep_text

    return keep_text(text)
