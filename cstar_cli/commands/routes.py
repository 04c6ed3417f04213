"""`cstar routes`: what the `[[routes]]` of the settings files mean."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli import config
from cstar_cli.commands.completing import complete_any_type
from cstar_cli.commands.options import NoColor
from cstar_cli.errors import CstarError, ExitCode, UsageError

if TYPE_CHECKING:
    from cstar_cli.tunnel.routes import Route

app = typer.Typer(help="See what listen sends where.", no_args_is_help=True, rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


@app.callback()
def group() -> None:
    """See what listen sends where."""


@app.command("list")
def index(json: Json = False, no_color: NoColor = False) -> None:
    """List the routes of cstar.toml, or else of your config.toml."""
    from cstar_cli.commands.routing import has_own_secret, secret_shown
    from cstar_cli.commands.saying import say_json
    from cstar_cli.render.console import open_console
    from cstar_cli.render.tables import Url, Words, table

    found = _found()
    if json:
        for route in found:
            say_json(
                {
                    "name": route.name,
                    "forward_to": route.target.url,
                    "events": route.filter.patterns,
                    "headers": [name for name, _ in route.headers or ()],
                    "own_secret": has_own_secret(route),
                    "secret_env": route.secret_env,
                    "timeout": route.timeout_s,
                    "concurrency": route.concurrency,
                    "cacert": route.cacert,
                    "insecure": route.insecure,
                    "wire": route.wire,
                }
            )
    else:
        rows = (
            (
                route.name,
                Words(", ".join(route.filter.patterns) + (f", wire {route.wire}" if route.wire else "")),
                Url(route.target.url),
                Words(secret_shown(route, os.environ)),
            )
            for route in found
        )
        table(("Route", "Events", "Forward to", "Secret"), rows, open_console(no_color=no_color).out)
    _warn(found)


@app.command("test")
def try_out(
    event_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="The event type.", autocompletion=complete_any_type)
    ],
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Say where events of a type would go, and why.

    The pattern that decides is named, and nothing is sent. Exit code 1 says that they would go nowhere.
    """
    from cstar_cli.commands.saying import say_aside, say_json
    from cstar_cli.events.catalogue import all_names, is_valid_name, unknown_type

    if not is_valid_name(event_type):
        raise UsageError(f"{event_type!r} is no event type: give one like ticket.created; cstar events types has all.")
    found = _found()
    if event_type not in all_names():
        say_aside(unknown_type(event_type))
    if json:
        for route in found:
            sent, pattern = route.filter.matches(event_type), route.filter.deciding(event_type)
            say_json({"name": route.name, "forward_to": route.target.url, "sent": sent, "pattern": pattern})
    else:
        _show(found, event_type, no_color=no_color)
    if not any(route.filter.matches(event_type) for route in found):
        raise typer.Exit(ExitCode.FAILED)


def _show(found: "Sequence[Route]", event_type: str, *, no_color: bool) -> None:
    from cstar_cli.render.console import open_console
    from cstar_cli.render.safe import harmless

    output = open_console(no_color=no_color).out
    look, width = output.look, max(len(route.name) for route in found)
    for route in found:
        sent = route.filter.matches(event_type)
        mark = look.paint("green", look.symbol("✓")) if sent else look.paint("dim", "-")
        name, why = harmless(route.name).ljust(width), harmless(_why(route, event_type))
        where = f"{look.symbol('→')} {harmless(route.target.url)}  {look.paint('dim', f'({why})')}" if sent else why
        output.line(f"{mark} {name}  {where}")


def _why(route: "Route", event_type: str) -> str:
    pattern = route.filter.deciding(event_type)
    if pattern is None:
        patterns = route.filter.patterns
        return f"none of {', '.join(patterns)} takes it" if len(patterns) > 1 else f"{patterns[0]} does not take it"
    return f"{pattern} leaves it out" if pattern.startswith("!") else f"{pattern} takes it"


def _found() -> "Sequence[Route]":
    from cstar_cli.commands.routing import routes_here

    found = routes_here(config.home(os.environ))
    if not found:
        raise CstarError("No [[routes]] hold here: cstar init writes a cstar.toml to begin with.")
    return found


def _warn(found: "Sequence[Route]") -> None:
    from cstar_cli.commands.saying import say_aside
    from cstar_cli.tunnel.routes import warnings

    say_aside(*warnings(found))
