"""The command tree."""

import os
import sys
from typing import Annotated

import typer

from cstar_cli import __version__, config
from cstar_cli.commands import settings
from cstar_cli.commands.completing import complete_profile
from cstar_cli.commands.tree import Tree
from cstar_cli.errors import CstarError
from cstar_cli.exits import run_to_exit
from cstar_cli.shortcut import COMPLETION_VARIABLE, HELP_OPTIONS

app = typer.Typer(
    name="cstar",
    cls=Tree,
    epilog="Start with: cstar listen --forward-to http://localhost:3000/webhook",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": list(HELP_OPTIONS), "auto_envvar_prefix": "CSTAR"},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from cstar_cli.commands.saying import say

        say(f"cstar {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    profile: Annotated[
        str | None,
        typer.Option(
            envvar=config.PROFILE_VARIABLE,
            metavar="NAME",
            help="The profile to use; see login.",
            autocompletion=complete_profile,
        ),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            allow_from_autoenv=False,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Receive, forward, make and follow cStar webhooks on your own machine."""
    try:
        chosen = settings.choose(context.invoked_subcommand or "", profile)
    except CstarError as fault:
        ours = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv
        if not set(HELP_OPTIONS).isdisjoint(ours):  # help is given whatever the files say
            return
        if context.invoked_subcommand != settings.REPORTS_FAULTS:
            raise
        context.obj = fault
        chosen = settings.choose_without_files(context.invoked_subcommand, profile)
    os.environ[config.PROFILE_VARIABLE] = chosen.profile  # from here on whoever looks finds the one that was chosen
    context.default_map = chosen.defaults


def run() -> None:
    """Run the command line and exit the process with one of `ExitCode`.

    Typer itself ends usage errors (2), Ctrl-C (130) and a closed pipe (quietly).
    """
    if COMPLETION_VARIABLE in os.environ:
        from cstar_cli.commands import completion

        completion.enable()
    run_to_exit(lambda: app(prog_name="cstar"))
