"""Registered URLs: made, changed, tried out, given new secrets, made up for."""

import asyncio
import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from starlette.requests import Request

from cstar_cli.cloud.api import bodies
from cstar_cli.cloud.api import webhook_views as views
from cstar_cli.cloud.api.answers import ApiError, invalid, missing
from cstar_cli.cloud.api.operations import Listed, cloud_of, team_of
from cstar_cli.cloud.api.parameters import PageQuery, time_ms
from cstar_cli.cloud.api.seeding import event_id, random_bytes
from cstar_cli.cloud.service import Cloud
from cstar_cli.cloud.store.records import Delivery, Exchange
from cstar_cli.cloud.store.wakeups import attempts_of
from cstar_cli.cloud.store.webhooks import NewWebhook, Webhook, WebhookChange
from cstar_cli.errors import UsageError
from cstar_cli.events import catalogue
from cstar_cli.events.envelope import build_event, new_id
from cstar_cli.events.filters import EventFilter
from cstar_cli.events.fixtures import fixture
from cstar_cli.sender.guard import allowed
from cstar_cli.sender.target import Target
from cstar_cli.signing import new_secret

DISABLED = "disabled through the API"
TEST_MARGIN_S = 10.0


async def index(request: Request, query: PageQuery) -> Listed[views.Webhook]:
    cloud, page = cloud_of(request), query.wanted_page()
    found = await cloud.store.webhooks.list(team_of(request), page)
    shown = [views.webhook(webhook, cloud.now_ms()) for webhook in found[: page.size]]
    return Listed(shown, query, more=len(found) > page.size)


async def create(request: Request, body: bodies.NewWebhook) -> views.WebhookWithSecret:
    """Register a URL; its signing secret is shown in this answer alone."""
    cloud = cloud_of(request)
    target = _target(cloud, body.url)
    wanted = NewWebhook(
        id=new_id("whk", random_bytes(request, "webhook")),
        name=target.host if body.name is None else bodies.check_name(body.name),
        url=body.url.strip(" "),
        filter=_filter(body.events),
        secret=new_secret(random_bytes(request, "secret")),
        is_active=body.is_active,
        wire=body.wire,
    )
    webhook = await cloud.store.webhooks.create(team_of(request), wanted)
    return views.with_secret(webhook, cloud.now_ms())


async def show(request: Request) -> views.Webhook:
    return views.webhook(await _named(request), cloud_of(request).now_ms())


async def update(request: Request, body: bodies.WebhookPatch) -> views.Webhook:
    """Change a webhook. Disabling it stops its deliveries, enabling it lets it start afresh.

    Another wire version holds from the next attempt on, of what waits for a retry as well.
    """
    cloud, webhook_id = cloud_of(request), request.path_params["webhook_id"]
    if body.url is not None:
        _target(cloud, body.url)
    change = WebhookChange(
        name=None if body.name is None else bodies.check_name(body.name),
        url=None if body.url is None else body.url.strip(" "),
        filter=None if body.events is None else _filter(body.events),
        is_active=body.is_active,
        reason=DISABLED if body.is_active is False else None,
        wire=body.wire,
    )
    webhook = await cloud.store.webhooks.change(team_of(request), webhook_id, change)
    if webhook is None:
        raise _no_webhook(webhook_id)
    return views.webhook(webhook, cloud.now_ms())


async def delete(request: Request) -> views.Deleted:
    """Remove a webhook; its deliveries stay in the log, and those that wait for a retry fail."""
    webhook_id = request.path_params["webhook_id"]
    if not await cloud_of(request).store.webhooks.delete(team_of(request), webhook_id):
        raise _no_webhook(webhook_id)
    return views.Deleted(id=webhook_id)


async def rotate_secret(request: Request, body: bodies.Rotation) -> views.WebhookWithSecret:
    """Give a webhook a new signing secret, shown in this answer alone; the one so far stays valid for a while."""
    cloud, webhook_id = cloud_of(request), request.path_params["webhook_id"]
    secret = new_secret(random_bytes(request, "secret"))
    webhook: Webhook | None = await _named(request)
    if webhook and webhook.secret != secret:  # it is the same when the request is done again after a crash
        webhook = await cloud.store.webhooks.rotate(team_of(request), webhook_id, secret, body.overlap_seconds * 1000)
    if webhook is None:
        raise _no_webhook(webhook_id)
    return views.with_secret(webhook, cloud.now_ms())


async def recover(request: Request, body: bodies.Recovery) -> views.Recovered:
    """Try all failed deliveries of a webhook again that were made since then."""
    webhook_id = request.path_params["webhook_id"]
    since_ms = time_ms(body.since, "since")
    recovered = await cloud_of(request).store.queue.recover(team_of(request), webhook_id, since_ms)
    if recovered is None:
        raise _no_webhook(webhook_id)
    return views.Recovered(recovered=recovered)


async def test(request: Request, body: bodies.Test) -> views.TestDelivery:
    """Send one event to one webhook, in its wire version, once, and wait for what comes of it."""
    cloud, team_id = cloud_of(request), team_of(request)
    webhook = await _named(request)
    made_in, event_type, now_ms = webhook.wire, _test_type(body.event, webhook), cloud.now_ms()
    event = build_event(
        event_type,
        fixture(event_type, team_id, now_ms, wire=made_in),
        team_id,
        now_ms,
        partial(event_id, request, made_in, event_type, now_ms),
        made_in=made_in,
    )
    [delivery] = await cloud.store.append_event(event, only=webhook.id)
    cloud.metrics.event_accepted()
    exchanges = await attempted(cloud, team_id, delivery, cloud.options.policy.timeout_s + TEST_MARGIN_S)
    return views.test_delivery(delivery, exchanges[-1].attempt if exchanges else None)


async def attempted(cloud: Cloud, team_id: str, delivery: Delivery, patience_s: float) -> Sequence[Exchange]:
    """Wait for the delivery's attempt and return it, or nothing when the patience ends first."""
    topic = attempts_of(team_id)
    wake = cloud.store.wakeups.join(topic)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while not cloud.stopping.is_set():
                    await wake.wait()
                    wake.clear()
                    if exchanges := await cloud.store.exchanges_of(delivery.id):
                        return exchanges
        return []
    finally:
        cloud.store.wakeups.leave(topic, wake)


async def _named(request: Request) -> Webhook:
    webhook_id = request.path_params["webhook_id"]
    webhook = await cloud_of(request).store.webhooks.get(team_of(request), webhook_id)
    if webhook is None:
        raise _no_webhook(webhook_id)
    return webhook


def _no_webhook(webhook_id: str) -> ApiError:
    return missing(f"No webhook {webhook_id}.")


def _target(cloud: Cloud, url: str) -> Target:
    """Take the URL apart, or refuse one that nothing will ever be delivered to."""
    try:
        target = Target.parse(url)
    except UsageError as error:
        raise invalid("parameter_invalid", str(error), "url") from error
    if not _is_reachable(target.host, cloud.options.policy.private_addresses):
        message = (
            f"{target.host} is not a public address: nothing is delivered there. Give a URL that others can reach."
        )
        raise invalid("parameter_invalid", message, "url")
    return target


def _is_reachable(host: str, private: bool) -> bool:
    """Say whether the host may be delivered to, as far as its name tells; what it resolves to is checked at connect."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return private
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return allowed(host, private)


def _filter(patterns: Sequence[str]) -> EventFilter:
    """Read a webhook's subscriptions. Wildcards may match types of the team's own; a type must be a known one."""
    try:
        if not all(pattern.strip(" ,") for pattern in patterns):
            raise UsageError("events holds an empty text: remove it, or write * for all.")
        wanted = EventFilter.parse(patterns)
    except UsageError as error:
        raise invalid("parameter_invalid", str(error), "events") from error
    for name in (pattern.removeprefix("!") for pattern in wanted.patterns):
        if "*" not in name and name not in catalogue.all_names():
            raise invalid("unknown_event_type", catalogue.unknown_type(name), "events")
    return wanted


def _test_type(wanted: str | None, webhook: Webhook) -> str:
    if wanted is not None:
        if not catalogue.is_known(wanted, webhook.wire):
            mend = (
                f"this webhook wants {webhook.wire}, so test it with a type of that, or send it this one as an event, "
                f"as cstar trigger {wanted} --wire {{other}} does."
            )
            message = catalogue.unknown_type(wanted, webhook.wire, mend)
            raise invalid("unknown_event_type", message, "event")
        return wanted
    subscribed = next(filter(webhook.filter.matches, catalogue.names(webhook.wire)), None)
    if subscribed is None:
        raise invalid("parameter_missing", "This webhook subscribes to no type of the catalogue: name one.", "event")
    return subscribed
