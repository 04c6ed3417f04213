"""What the API answers about webhooks: the shapes, and how records become them."""

from typing import Literal

import msgspec
from msgspec import structs

from cstar_cli.cloud.api.answers import Time
from cstar_cli.cloud.api.views import optional_time
from cstar_cli.cloud.store import records
from cstar_cli.cloud.store import webhooks as webhook_records
from cstar_cli.events.envelope import iso_ms

UNDER_WAY = "no answer yet: the delivery is still under way, and cstar deliveries show tells what comes of it"


class Webhook(msgspec.Struct, rename="camel"):
    """A registered URL. `disabledReason` says why it isn't active, `failingSince` since when no attempt has succeeded.

    After a rotation the secret before stays valid until `previousSecretValidUntil`. `wire` is the wire version that it
    wants.
    """

    id: str
    name: str
    url: str
    events: list[str]
    is_active: bool
    disabled_reason: str | None
    failing_since: Time | None
    previous_secret_valid_until: Time | None
    created_at: Time
    updated_at: Time
    wire: str


class WebhookWithSecret(Webhook):
    """A webhook with the secret that its deliveries are signed with, which is never shown again."""

    signing_secret: str


class Deleted(msgspec.Struct):
    """What was removed."""

    id: str
    deleted: Literal[True] = True


class Recovered(msgspec.Struct):
    """How many failed deliveries are tried again."""

    recovered: int


class TestDelivery(msgspec.Struct, rename="camel"):
    """What came of a test; `status` and `responseTimeMs` are null where no answer came, `error` says why."""

    delivery_id: str
    event: str
    url: str
    success: bool
    status: int | None
    response_time_ms: float | None
    error: str | None


def webhook(record: webhook_records.Webhook, now_ms: int) -> Webhook:
    until_ms = record.previous_secret_until_ms
    return Webhook(
        id=record.id,
        name=record.name,
        url=record.url,
        events=list(record.filter.patterns),
        is_active=record.is_active,
        disabled_reason=record.disabled_reason,
        failing_since=optional_time(record.failing_since_ms),
        previous_secret_valid_until=optional_time(until_ms if until_ms is not None and until_ms > now_ms else None),
        created_at=iso_ms(record.created_at_ms),
        updated_at=iso_ms(record.updated_at_ms),
        wire=record.wire,
    )


def with_secret(record: webhook_records.Webhook, now_ms: int) -> WebhookWithSecret:
    return WebhookWithSecret(**structs.asdict(webhook(record, now_ms)), signing_secret=record.secret)


def test_delivery(delivery: records.Delivery, attempt: records.Attempt | None) -> TestDelivery:
    """Describe a test by its attempt, None while that is still under way."""
    return TestDelivery(
        delivery_id=delivery.id,
        event=delivery.event_type,
        url=delivery.url,
        success=attempt is not None and attempt.outcome == "succeeded",
        status=attempt.status if attempt else None,
        response_time_ms=attempt.duration_ms if attempt else None,
        error=attempt.error if attempt else UNDER_WAY,
    )
