"""What one `listen` is to do, made of what its options say."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cstar_cli import config
from cstar_cli.clock import now_ms
from cstar_cli.commands.durations import since_ms as moment_of_since
from cstar_cli.commands.given import Context, in_this_run
from cstar_cli.commands.listening import Options, SessionOptions
from cstar_cli.commands.session_names import checked_name
from cstar_cli.errors import UsageError
from cstar_cli.tunnel.connection import CloudAddress

if TYPE_CHECKING:
    from cstar_cli.commands.process import Command
    from cstar_cli.commands.record import Record
    from cstar_cli.commands.routing import Plan


def session_of(
    home: config.Home, name: str | None, since: str | None, *, latest: bool, only_mine: bool
) -> SessionOptions:
    """Return what the cloud is asked for with the session."""
    if since is not None and latest:
        raise UsageError("--since brings what came before and --latest skips it: give one of them.")
    return SessionOptions(
        name=None if name is None else checked_name(name),
        origin=home.machine() if only_mine else None,
        latest=latest,
        since_ms=None if since is None else moment_of_since(since, now_ms()),
    )


def plan_of(context: Context, shared: Options, home: config.Home) -> "Options | Plan":
    """Return what the settings files' routes say; `shared` where they have none, or this run says where to."""
    if in_this_run(context, "forward_to") or config.ROUTES not in config.written(home):
        return shared
    if in_this_run(context, "events"):
        raise UsageError(
            "--events goes with --forward-to: each of the [[routes]] that hold here says which events it takes."
        )
    if shared.pace.most is not None:
        raise UsageError("--once and --max count what one URL gets: name it with --forward-to.")
    from cstar_cli.commands.routing import plan, routes_here

    return plan(routes_here(home), shared, os.environ)


def record_of(path: Path | None, redacted: list[str], *, force: bool) -> "Record | None":
    """Return what is to be recorded, and where."""
    if path is None:
        if redacted or force:
            raise UsageError("--redact and --force are for --record: give it a FILE.")
        return None
    from cstar_cli.commands.record import Record

    return Record(path.expanduser(), force, tuple(redacted))


def address_of(api_base: str, home: config.Home) -> CloudAddress:
    """Return where the cloud is, and as whom to go there."""
    base = config.api_base(api_base)
    credentials = config.credentials(base, os.environ, home)
    return CloudAddress(base, credentials.team_id, credentials.token)


def hand_over(context: Context, secret: str, names: list[str], env_file: Path | None) -> "Command | None":
    """Put the secret where the application looks for it; return the application's command, if it is ours to start."""
    words = context.args
    if not names and env_file is None and not words:
        return None
    from cstar_cli.commands.saying import say_aside
    from cstar_cli.commands.secret_file import checked_names, put_secret

    checked = checked_names(names)
    if env_file is None and not words and in_this_run(context, "secret_env"):
        say_aside("--secret-env sets nothing by itself: name your application behind --, or a file with --env-file.")
    command = None
    if words:
        from cstar_cli.commands.process import Command, runnable

        command = Command(runnable(words), {**os.environ, **dict.fromkeys(checked, secret)})
    if env_file is not None:
        say_aside(*put_secret(env_file, checked, secret))
    return command
