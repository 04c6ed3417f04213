"""`cstar replay`: sends what `listen --record` has kept, signed anew, and compares the answers."""

from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli.commands.completing import complete_wire
from cstar_cli.commands.given import on_command_line
from cstar_cli.commands.listen import DEFAULT_FORWARD_TO
from cstar_cli.commands.options import CaCert, EventGlobs, Insecure, NoColor, known_wire
from cstar_cli.errors import UsageError

if TYPE_CHECKING:
    from cstar_cli.commands.replaying import Pace
    from cstar_cli.recording.comparing import Rules

FAST = "--as-fast-as-possible"

File = Annotated[
    str, typer.Argument(metavar="FILE|-", help="What cstar listen --record has written; - reads standard input.")
]
ForwardTo = Annotated[
    str,
    typer.Option(
        "--forward-to", "-f", metavar="URL", help="Where to: a URL, a port, host:port, a /path, unix:/app.sock:/path."
    ),
]
Route = Annotated[str | None, typer.Option(metavar="NAME", help="Only what was sent along this route.")]
Speed = Annotated[
    float | None,
    typer.Option(min=0.1, max=100_000, metavar="N", help="N times faster than it was recorded. [default: 1]"),
]
AsFastAsPossible = Annotated[bool, typer.Option(FAST, help="Without pauses, as many at once as --concurrency.")]
FreshIds = Annotated[
    bool, typer.Option("--fresh-ids", help="As new events: with ids that no receiver has seen, and all else the same.")
]
OtherWire = Annotated[
    str | None,
    typer.Option(
        "--wire",
        metavar="VERSION",
        help="The wire version: 2025-12 or 2026-03. [default: as it was recorded]",
        callback=known_wire,
        autocompletion=complete_wire,
    ),
]
Secret = Annotated[
    str | None,
    typer.Option(envvar="CSTAR_SECRET", metavar="WHSEC", help="Sign with this secret. [default: the profile's]"),
]
Header = Annotated[
    list[str] | None,
    typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="Add a header, or replace a recorded one."),
]
Timeout = Annotated[float, typer.Option(min=0.001, metavar="SECONDS", help="How long one exchange may take.")]
Concurrency = Annotated[int, typer.Option(min=1, max=512, metavar="N", help="How many at once; 1 keeps their order.")]
Diff = Annotated[
    bool, typer.Option("--diff", help="Compare status, body and latency with the recording; exit 5 if one differs.")
]
Ignore = Annotated[
    list[str] | None, typer.Option(metavar="PATH", help="What may differ in JSON answers: meta.time, items[*].id.")
]
Latency = Annotated[
    str | None,
    typer.Option(
        metavar="3x+200ms|off",
        help=f"What is slower: over 3 times the recorded, and by over 200 ms. [default: that; off with {FAST}]",
    ),
]


def replay(
    context: typer.Context,
    file: File,
    forward_to: ForwardTo = DEFAULT_FORWARD_TO,
    events: EventGlobs = None,
    route: Route = None,
    speed: Speed = None,
    as_fast_as_possible: AsFastAsPossible = False,
    fresh_ids: FreshIds = False,
    wire: OtherWire = None,
    secret: Secret = None,
    header: Header = None,
    timeout: Timeout = 10.0,
    concurrency: Concurrency = 32,
    insecure: Insecure = False,
    cacert: CaCert = None,
    diff: Diff = False,
    ignore: Ignore = None,
    latency: Latency = None,
    list_only: Annotated[bool, typer.Option("--list", help="Show what the recording has; send nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print what failed or differs only.")] = False,
    no_color: NoColor = False,
) -> None:
    """Send a recorded session again, each delivery signed anew and under its own id.

    It takes as long as it took, in the same order, unless --speed or --as-fast-as-possible says otherwise. Exit code 1
    says that something failed which had succeeded in the recording; with --diff, 5 says that an answer differs.
    """
    from cstar_cli.commands.replay_account import Shown
    from cstar_cli.commands.replay_run import Wanted, show_list

    wanted = Wanted(file, tuple(events or ()), route)
    shown = Shown(json=json, quiet=quiet, no_color=no_color)
    if list_only:
        if diff:
            raise UsageError("--list sends nothing, so that --diff has nothing to compare: leave one of them out.")
        show_list(wanted, shown)
        return
    from cstar_cli.commands.given_body import signing_secret
    from cstar_cli.commands.loop import run_async
    from cstar_cli.commands.pace import pace_of
    from cstar_cli.commands.replay_run import Job, run
    from cstar_cli.events.wires import DEFAULT
    from cstar_cli.recording.resending import How
    from cstar_cli.sender.tls import trust_of
    from cstar_cli.tunnel.addresses import parse_forward_to
    from cstar_cli.tunnel.headers import parse_headers

    how = How(
        secret=signing_secret(secret),
        wire=wire,
        own=parse_headers(header or (), wire or DEFAULT),
        fresh_ids=fresh_ids,
    )
    job = Job(
        wanted=wanted,
        target=parse_forward_to(forward_to),
        how=how,
        pace=_pace(context, speed, concurrency, fast=as_fast_as_possible),
        timeout_s=pace_of(context, timeout, concurrency, debug_wait=False).timeout_s,
        trust=trust_of(cacert, insecure=insecure),
        rules=_rules(diff, ignore or [], latency, fast=as_fast_as_possible),
        shown=shown,
    )
    run_async(run(job))


def _pace(context: typer.Context, speed: float | None, concurrency: int, *, fast: bool) -> "Pace":
    from cstar_cli.commands.replaying import Pace

    if fast and speed is not None and on_command_line(context, "speed"):
        raise UsageError(f"--speed {speed:g} and {FAST} go against each other: leave one of them out.")
    if speed is not None and not speed >= 0.1:  # NaN
        raise UsageError(f"--speed {speed} is not a number from 0.1 to 100000.")
    return Pace(None if fast else speed or 1.0, concurrency)


def _rules(diff: bool, ignored: list[str], latency: str | None, *, fast: bool) -> "Rules | None":
    if not diff:
        if ignored or latency is not None:
            raise UsageError("--ignore and --latency are for --diff: add it.")
        return None
    from cstar_cli.recording.comparing import Rules, Slower, slower_than
    from cstar_cli.recording.paths import parse

    slower = (None if fast else Slower()) if latency is None else slower_than(latency)
    return Rules({path: parse(path) for path in ignored}, slower)
