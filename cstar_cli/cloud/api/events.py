"""Sending and looking up events."""

from functools import partial
from typing import cast

from starlette.requests import Request

from cstar_cli.cloud.api import bodies, views
from cstar_cli.cloud.api.answers import ApiError, invalid, missing
from cstar_cli.cloud.api.naming import names_of
from cstar_cli.cloud.api.operations import Listed, cloud_of, team_of
from cstar_cli.cloud.api.origins import origin_of
from cstar_cli.cloud.api.parameters import EventsQuery
from cstar_cli.cloud.api.seeding import event_id
from cstar_cli.cloud.store.queries import MAX_PAGE_SIZE, DeliveryQuery, Page
from cstar_cli.events import canonical, catalogue
from cstar_cli.events.envelope import MAX_BODY_BYTES, build_event
from cstar_cli.events.fixtures import fixture


async def create(request: Request, body: bodies.NewEvent) -> views.SentEvent:
    """Make an event; the answer comes when it and its deliveries are durable."""
    cloud, team_id, origin = cloud_of(request), team_of(request), origin_of(request)
    _check_type(body)
    now_ms = cloud.now_ms()
    if body.data is None:
        data = fixture(body.type, team_id, now_ms, wire=body.wire)
    else:
        data = cast(dict[str, canonical.Json], body.data)
    new_id = partial(event_id, request, body.wire, body.type, now_ms)
    event = build_event(body.type, data, team_id, now_ms, new_id, origin, body.wire)
    if len(event.body) > MAX_BODY_BYTES:
        raise bodies.too_large("The event")
    deliveries = await cloud.store.append_event(event)
    cloud.metrics.event_accepted()
    return views.sent(event, deliveries)


async def index(request: Request, query: EventsQuery) -> Listed[views.Event]:
    page = query.wanted_page()
    found = await cloud_of(request).store.events(team_of(request), query.wanted(), page)
    return Listed([views.event(event) for event in found[: page.size]], query, more=len(found) > page.size)


async def show(request: Request) -> views.EventDetails:
    """Show one event with its body and its latest deliveries; the list of deliveries has them all, in pages."""
    store, team_id, event_id = cloud_of(request).store, team_of(request), request.path_params["event_id"]
    event = await store.event(team_id, event_id)
    if event is None:
        raise _no_event(event_id)
    page = Page(size=MAX_PAGE_SIZE)
    deliveries = await store.deliveries(team_id, DeliveryQuery(event_id=event_id), page)
    shown = deliveries[: page.size]
    return views.event_details(event, shown, await names_of(store, shown), more=len(deliveries) > page.size)


async def resend(request: Request, body: bodies.Resend) -> views.SentEvent:
    """Send an event once more, as new deliveries: to one target, or to all that match now."""
    store, team_id, event_id = cloud_of(request).store, team_of(request), request.path_params["event_id"]
    event = await store.event(team_id, event_id)
    if body.to is not None and not bodies.is_id(body.to):
        raise invalid("parameter_invalid", "to must be the id of a webhook (whk_…) or of a session (ses_…).", "to")
    deliveries = await store.queue.resend(team_id, event_id, body.to, origin_of(request))
    if event is None or deliveries is None:
        raise _no_event(event_id)
    return views.sent(event, deliveries)


def _no_event(event_id: str) -> ApiError:
    return missing(f"No event {event_id}.")


def _check_type(wanted: bodies.NewEvent) -> None:
    known = catalogue.is_known(wanted.type, wanted.wire)
    if not known and not (wanted.custom and catalogue.is_valid_name(wanted.type)):
        message = catalogue.unknown_type(wanted.type, wanted.wire, "give that as wire.")
        raise invalid("unknown_event_type", message, "type")
    if not known and wanted.data is None:
        raise invalid("parameter_missing", "A custom event type needs data.", "data")
