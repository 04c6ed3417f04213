"""How a cloud runs, as plain data."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from cstar_cli.cloud.api.guard import Access

MINUTE_S = 60.0
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S


class DeliveryPolicy(msgspec.Struct, frozen=True):
    """How deliveries to webhooks are made.

    `timeout_s` is for the whole exchange; `retries_s` are the waits before each retry, counted from the end of the
    failed attempt, None for those of the wire version that the endpoint wants; `per_webhook` bounds the posts that one
    node has under way at one webhook. A webhook of which every attempt has failed for `disable_after_s` is disabled.
    `private_addresses` allows loopback and private ones.
    """

    timeout_s: float = 10.0
    retries_s: tuple[float, ...] | None = None
    per_webhook: int = 16
    disable_after_s: float = 5 * DAY_S
    private_addresses: bool = False


class RequestLimits(msgspec.Struct, frozen=True):
    """How many requests a key may make in each window; None is no limit."""

    secret: int | None = 1000
    publishable: int | None = 100
    window_s: float = HOUR_S


class CloudOptions(msgspec.Struct, frozen=True):
    """How a cloud runs. Port 0 takes any free one; `database` is a file or the URL of a PostgreSQL database.

    `grace_s` is how long a session may stay away, `retention_s` how long events are kept, `poll_s` how often a node
    of many looks for what it wasn't told.
    """

    host: str
    port: int
    database: Path | str
    access: "Access"
    embedded: bool
    grace_s: float = 120.0
    retention_s: float = 30 * DAY_S
    poll_s: float = 1.0
    policy: DeliveryPolicy = msgspec.field(default_factory=DeliveryPolicy)
    limits: RequestLimits = msgspec.field(default_factory=RequestLimits)
