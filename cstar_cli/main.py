"""The command tree, and the one place where an error becomes an exit code."""

import os
import sys
from typing import Annotated

import typer

from cstar_cli import __version__, config
from cstar_cli.commands import settings
from cstar_cli.commands.completing import complete_profile
from cstar_cli.commands.tree import Tree
from cstar_cli.errors import CstarError, ExitCode
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
        typer.echo(f"cstar {__version__}")
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
    except CstarError:
        ours = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv
        if set(HELP_OPTIONS).isdisjoint(ours):  # help is given whatever the files say
            raise
        return
    os.environ[config.PROFILE_VARIABLE] = chosen.profile  # from here on whoever looks finds the one that was chosen
    context.default_map = chosen.defaults


def run() -> None:
    """Run the command line and exit the process with one of `ExitCode`.

    Typer itself ends usage errors (2), Ctrl-C (130) and a closed pipe (quietly).
    """
    _open_what_is_closed()
    if COMPLETION_VARIABLE in os.environ:
        from cstar_cli.commands import completion

        completion.enable()
    try:
        app(prog_name="cstar")
    except CstarError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        _complain(error.strerror or str(error))
        sys.exit(ExitCode.FAILED)
    except Exception as bug:
        if os.environ.get("CSTAR_DEBUG"):
            raise
        _complain(f"This is a bug in cstar ({type(bug).__name__}: {bug}). CSTAR_DEBUG=1 shows where it is.")
        sys.exit(ExitCode.FAILED)


def _complain(message: str) -> None:
    """Say why it ends; what a cloud or a receiver has put into the message can't steer the terminal."""
    if not message:
        return
    from cstar_cli.render.safe import harmless

    line = f"cstar: {harmless(message)}"
    if sys.stderr.isatty():
        from cstar_cli.render.folding import folded
        from cstar_cli.render.output import columns_of

        line = "\n".join(folded(line, columns_of(sys.stderr) or len(line)))
    print(line, file=sys.stderr)  # noqa: T201  # no renderer exists when an error ends it all


def _open_what_is_closed() -> None:
    """Give a standard stream that our caller has closed (`>&-`) to nobody, before another file gets its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
