"""`cstar init`: writes a project's `cstar.toml`, with comments."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from cstar_cli.errors import CstarError, UsageError

FILE = "cstar.toml"
DEFAULT_FORWARD_TO = "http://localhost:3000/webhook"

TEMPLATE = """\
# Settings of cstar for this project and the folders below. Options of commands have their long names in a table of the
# command's name; `cstar COMMAND --help` tells them. A flag or a variable (CSTAR_…) wins over what stands here.

# [listen]
# timeout = 30

# Where `cstar listen` sends events. An event goes to each route that takes it, once. `cstar routes test ticket.created`
# says which do; `cstar listen --forward-to URL` does without routes.

[[routes]]
forward_to = {forward_to}   # a URL, a port, or host:port/path
events = ["*"]              # or ["ticket.*", "*.created", "!ticket.updated"]: an exclusion (!) always wins

# [[routes]]
# name = "billing"                          # what its lines show; else the short form of the URL
# forward_to = "http://localhost:4000/hook"
# events = ["customer.*"]
# headers = {{ "X-Stage" = "dev" }}           # sent with each event, besides cStar's own
# secret_env = "BILLING_WEBHOOK_SECRET"     # signed with this variable's value; else as cstar listen --print-secret
# timeout = 10                              # seconds that one exchange may take
# concurrency = 32                          # how many at once; 1 keeps the order
# cacert = "ca.pem"                         # to trust at an https:// URL, besides the system's authorities
# insecure = true                           # take any certificate there
# wire = "2026-03"                          # the wire version that it wants; else 2025-12
"""


def init(
    forward_to: Annotated[
        str, typer.Option("--forward-to", "-f", metavar="URL", help="Where the first route goes.")
    ] = DEFAULT_FORWARD_TO,
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
) -> None:
    """Write a cstar.toml to begin with.

    It has one route, and comments on what else it can say.
    """
    from cstar_cli.commands.saying import say
    from cstar_cli.tunnel.addresses import parse_forward_to

    parse_forward_to(forward_to)
    file = _here() / FILE
    above = next((folder / FILE for folder in file.parent.parents if (folder / FILE).is_file()), None)
    _write(file, TEMPLATE.format(forward_to=_quoted(forward_to.strip())), force=force)
    say(f"Wrote {file}.")
    if above is not None:
        say(f"It holds here instead of {above}, whose settings are not read any more.")
    say(
        "Next:  cstar routes test ticket.created   says where an event would go",
        "       cstar listen                       forwards events along the routes",
    )


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise CstarError("The working folder was deleted: change into another.") from None


def _write(file: Path, text: str, *, force: bool) -> None:
    from cstar_cli.files import write_shared

    if force:
        write_shared(file, text)
        return
    try:
        with file.open("x", encoding="utf-8") as fresh:  # never over what is there, not even what comes meanwhile
            fresh.write(text)
    except FileExistsError:
        raise UsageError(f"{file} exists: --force replaces it; cstar config edit --project changes it.") from None
    except OSError as error:
        with contextlib.suppress(OSError):
            file.unlink()  # half of it, on a full disk
        raise CstarError(f"Can't write {file}: {error.strerror or error}. Make the folder writable.") from error


def _quoted(text: str) -> str:
    from json import dumps  # which writes a text as TOML does

    return dumps(text, ensure_ascii=False)
