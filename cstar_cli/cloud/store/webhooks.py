"""Registered webhook URLs, and the deliveries on their way to them, as plain data. Times are integer milliseconds."""

from collections.abc import Sequence

import msgspec

from cstar_cli.cloud.store.records import AttemptOutcome
from cstar_cli.events.filters import EventFilter
from cstar_cli.events.wires import DEFAULT


class Webhook(msgspec.Struct, frozen=True):
    """A URL that a team has registered.

    After a rotation `previous_secret` stays valid until `previous_secret_until_ms`. `failing_since_ms` is when the
    attempts began to fail without a success since; `disabled_reason` says why it isn't active. It wants events in the
    version `wire`.
    """

    id: str
    team_id: str
    name: str
    url: str
    filter: EventFilter
    secret: str
    is_active: bool
    created_at_ms: int
    updated_at_ms: int
    previous_secret: str | None = None
    previous_secret_until_ms: int | None = None
    disabled_reason: str | None = None
    failing_since_ms: int | None = None
    wire: str = DEFAULT


class NewWebhook(msgspec.Struct, frozen=True):
    """A webhook to register; the caller makes its id and its secret."""

    id: str
    name: str
    url: str
    filter: EventFilter
    secret: str
    is_active: bool = True
    wire: str = DEFAULT


class WebhookChange(msgspec.Struct, frozen=True):
    """What to change of a webhook; None leaves a field as it is. `reason` says why it is disabled, if it is."""

    name: str | None = None
    url: str | None = None
    filter: EventFilter | None = None
    is_active: bool | None = None
    reason: str | None = None
    wire: str | None = None


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A delivery to post now, leased to whoever claimed it.

    `lease` fences it: of all claims of a delivery only the last one's can settle it. `retries` are the scheduled
    retries that this run of attempts has used up; None when there is to be none, whatever comes of it. `secrets`
    are the valid ones; the first signs the contract's header. The event was `made_in` one wire version; the webhook
    wants it in the version `wire`.
    """

    delivery_id: str
    lease: int
    team_id: str
    event_id: str
    event_type: str
    webhook_id: str
    url: str
    attempt: int
    retries: int | None
    body: bytes
    secrets: tuple[str, ...]
    made_in: str = DEFAULT
    wire: str = DEFAULT


class Claimed(msgspec.Struct, frozen=True):
    """What a claim has brought; in `wait_ms` from now something more will be due, never when it is None."""

    claims: Sequence[Claim]
    wait_ms: int | None


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """What came of a claimed delivery; a failure is tried again in `retry_in_ms` from now, never when it is None."""

    outcome: AttemptOutcome
    lease: int
    retry_in_ms: int | None


class QueueStats(msgspec.Struct, frozen=True):
    """How much waits to be posted to webhooks. `due` are those that could go now; the oldest has waited so long."""

    pending: int
    due: int
    oldest_due_ms: int
