"""How a cloud runs, as users write it: flags of `cloud serve`, the `[cloud]` table, `CSTAR_…`; checked here.

Timing        what every cloud takes, the one inside `listen` too
request_limits, database_of   what only a service takes
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cstar_cli.cloud.options import DeliveryPolicy, RequestLimits
from cstar_cli.commands.durations import schedule, seconds
from cstar_cli.errors import UsageError

VARIABLE_PREFIX = "CSTAR_"
MOST_RETRIES = 20
MOST_IN_FLIGHT = 1_000
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
RetrySchedule = Annotated[str, typer.Option(metavar="TIMES", help="The waits before each retry, or none.")]
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


class Timing(msgspec.Struct, frozen=True):
    """How a cloud delivers, and how long it remembers."""

    retention: str = "30d"
    retry_schedule: str = "1m,5m,30m"
    delivery_timeout: str = "10s"
    max_in_flight: int = 16
    disable_after: str = "5d"

    @property
    def retention_s(self) -> float:
        return seconds("--retention", self.retention, "1s", "36500d")

    def policy(self, *, private_addresses: bool) -> DeliveryPolicy:
        """Return how deliveries are made. Raises UsageError."""
        return DeliveryPolicy(
            timeout_s=seconds("--delivery-timeout", self.delivery_timeout, "100ms", "5m"),
            retries_s=schedule("--retry-schedule", self.retry_schedule, MOST_RETRIES, "10ms", "30d"),
            per_webhook=self.max_in_flight,
            disable_after_s=seconds("--disable-after", self.disable_after, "1s", "3650d"),
            private_addresses=private_addresses,
        )


def timing_of(env: Mapping[str, str], settings: Mapping[str, object]) -> Timing:
    """Return what the environment and the files say of the cloud inside `listen`. Raises UsageError."""
    table = settings.get("cloud")
    table = {str(key).replace("-", "_"): value for key, value in table.items()} if isinstance(table, dict) else {}
    written: dict[str, str] = {}
    for name in Timing.__struct_fields__:
        value = env.get(VARIABLE_PREFIX + name.upper()) or table.get(name)
        if value is not None:
            written[name] = str(value)
    in_flight = written.pop("max_in_flight", str(Timing().max_in_flight))
    if not in_flight.isdecimal() or not 1 <= int(in_flight) <= MOST_IN_FLIGHT:
        raise UsageError(f"max_in_flight {in_flight} is not a number from 1 to {MOST_IN_FLIGHT}.")
    return Timing(max_in_flight=int(in_flight), **written)


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
