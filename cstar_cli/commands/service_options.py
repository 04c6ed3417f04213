"""How a cloud runs, as users write it: flags of `cloud serve`, the `[cloud]` table, `CSTAR_…`; checked here.

What every cloud takes, the one inside `listen` too, is in `timing`.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cstar_cli.cloud.options import RequestLimits
from cstar_cli.commands.timing import MOST_IN_FLIGHT
from cstar_cli.errors import UsageError

_A_TENTH = 10


class LogFormat(StrEnum):
    """How logs are written."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level up."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Database = Annotated[
    str | None,
    typer.Option(
        metavar="PATH|URL",
        help="A file, or postgresql://USER@HOST/NAME. [default: cloud/cstar.db in CSTAR_HOME]",
        show_default=False,  # a file's may hold a password
    ),
]
Retention = Annotated[str, typer.Option(metavar="TIME", help="How long events and their deliveries are kept.")]
RetrySchedule = Annotated[
    str | None,
    typer.Option(
        metavar="TIMES",
        help="The waits before each retry, like 1m,5m,30m, or none. [default: those of the endpoint's wire version]",
    ),
]
DeliveryTimeout = Annotated[str, typer.Option(metavar="TIME", help="How long one exchange with a webhook may take.")]
MaxInFlight = Annotated[
    int, typer.Option(min=1, max=MOST_IN_FLIGHT, metavar="N", help="How many deliveries at once to one webhook.")
]
DisableAfter = Annotated[str, typer.Option(metavar="TIME", help="Disable a webhook when all has failed for so long.")]
AllowPrivate = Annotated[
    bool, typer.Option("--allow-private-addresses", help="Deliver to webhooks on loopback and private addresses too.")
]
RateLimit = Annotated[
    int, typer.Option(min=0, metavar="N", help="Requests an hour that a secret key may make; 0 is no limit.")
]
RateLimitPublishable = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="The same for publishable keys. [default: a tenth of that]")
]
PollInterval = Annotated[
    str, typer.Option(metavar="TIME", help="How often to look for what other nodes' notices didn't tell.")
]
Grace = Annotated[str, typer.Option(metavar="TIME", help="How long a listener may stay away before its session ends.")]


def request_limits(secret: int, publishable: int | None) -> RequestLimits:
    """Return how much each kind of key may ask; 0 is no limit, a publishable key may do a tenth unless it is said."""
    fewer = -(-secret // _A_TENTH) if publishable is None else publishable
    return RequestLimits(secret or None, fewer or None)


def database_of(text: str | None, default: Path) -> Path | str:
    """Return the file, or the URL of a PostgreSQL database. Raises UsageError."""
    from cstar_cli.cloud.store.open import is_url

    if text is None:
        return default
    if is_url(text):
        return text
    if "://" in text:
        scheme = text.partition("://")[0]
        raise UsageError(f"--database can't be a {scheme}:// address: give a file, or postgresql://USER@HOST/NAME.")
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        raise UsageError(f"--database {path} is a folder: give the path of a file.")
    return path
