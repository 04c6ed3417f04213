"""The command tree, and the one place where an error becomes an exit code."""

import os
import sys
from typing import Annotated

import typer

from cstar_cli import __version__
from cstar_cli.commands import cloud, completion, listen, logs, settings, trigger
from cstar_cli.errors import CstarError, ExitCode

app = typer.Typer(
    name="cstar",
    epilog="Start with: cstar listen --forward-to http://localhost:3000/webhook",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("listen")(listen.listen)
app.command("trigger")(trigger.trigger)
app.add_typer(logs.app, name="logs")
app.add_typer(cloud.app, name="cloud")
app.add_typer(completion.app, name="completion")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cstar {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Receive, forward, make and follow cStar webhooks on your own machine."""


def run() -> None:
    """Run the command line and exit the process with one of `ExitCode`.

    Typer itself ends usage errors (2), Ctrl-C (130) and a closed pipe (quietly).
    """
    completing = completion.VARIABLE in os.environ
    if completing:
        completion.enable()
    try:
        app(prog_name="cstar", default_map={} if completing else settings.default_map(app))
    except CstarError as error:
        if str(error):
            print(f"cstar: {error}", file=sys.stderr)  # noqa: T201  # no renderer exists when an error ends it all
        sys.exit(error.exit_code)
    except OSError as error:
        print(f"cstar: {error.strerror or error}", file=sys.stderr)  # noqa: T201  # as above: a full disk, say
        sys.exit(ExitCode.FAILED)
