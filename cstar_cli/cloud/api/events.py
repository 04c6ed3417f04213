"""POST and GET of events."""

from typing import cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cstar_cli.cloud.api import parameters, views
from cstar_cli.cloud.api.answers import invalid, missing, success
from cstar_cli.cloud.service import Cloud
from cstar_cli.cloud.store.queries import MAX_PAGE_SIZE, DeliveryQuery, Page
from cstar_cli.events import canonical, catalogue
from cstar_cli.events.envelope import MAX_BODY_BYTES, build_event
from cstar_cli.events.fixtures import fixture


class NewEvent(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /events` takes: a type of the catalogue, or any `resource.action` with `custom`; data or a fixture."""

    type: str
    data: dict[str, object] | None = None
    custom: bool = False


async def collection(request: Request) -> Response:
    return await (create if request.method == "POST" else index)(request)


async def create(request: Request) -> Response:
    """Make an event; the answer comes when it and its deliveries are durable."""
    cloud: Cloud = request.app.state.cloud
    wanted = _wanted(await parameters.read_body(request))
    team_id = request.path_params["team_id"]
    now_ms = cloud.now_ms()
    data = (
        fixture(wanted.type, team_id, now_ms) if wanted.data is None else cast(dict[str, canonical.Json], wanted.data)
    )
    event = build_event(wanted.type, data, team_id, now_ms)
    if len(event.body) > MAX_BODY_BYTES:
        raise parameters.too_large("The event")
    deliveries = await cloud.store.append_event(event)
    answer = {
        "event": views.event(event),
        "deliveredTo": len(deliveries),
        "deliveries": [views.delivery(delivery) for delivery in deliveries],
    }
    return success(answer, http_status=201)


async def index(request: Request) -> Response:
    cloud: Cloud = request.app.state.cloud
    page = parameters.page(request.query_params)
    events = await cloud.store.events(
        request.path_params["team_id"], parameters.event_filter(request.query_params), page
    )
    return success([views.event(event) for event in events[: page.size]], pagination=pagination(page, len(events)))


async def show(request: Request) -> Response:
    """Show one event with its body and its latest deliveries; the list of deliveries has them all, in pages."""
    cloud: Cloud = request.app.state.cloud
    team_id, event_id = request.path_params["team_id"], request.path_params["event_id"]
    event = await cloud.store.event(team_id, event_id)
    if event is None:
        raise missing(f"No event {event_id}.")
    page = Page(size=MAX_PAGE_SIZE)
    deliveries = await cloud.store.deliveries(team_id, DeliveryQuery(event_id=event_id), page)
    answer = views.event_with_body(event)
    answer["deliveries"] = [views.delivery(delivery) for delivery in deliveries[: page.size]]
    answer["moreDeliveries"] = len(deliveries) > page.size
    return success(answer)


def pagination(page: Page, found: int) -> dict[str, object]:
    """Describe a page of which one record more than its size was asked for."""
    return {"page": page.number, "pageSize": page.size, "hasMore": found > page.size}


def _wanted(body: bytes) -> NewEvent:
    try:
        wanted = msgspec.convert(canonical.parse(body), NewEvent)
    except canonical.MalformedJson as error:
        raise invalid("malformed_json", str(error)) from error
    except msgspec.ValidationError as error:
        raise invalid("parameter_invalid", f"{error}.") from error
    except UnicodeEncodeError as error:  # half a surrogate pair in the name of a field
        raise invalid("parameter_invalid", "Object contains an unknown field.") from error
    if not catalogue.is_known(wanted.type) and not (wanted.custom and catalogue.is_valid_name(wanted.type)):
        near = catalogue.near_misses(wanted.type)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise invalid("unknown_event_type", f"Unknown event type {wanted.type!r}.{hint}", "type")
    if wanted.data is None and not catalogue.is_known(wanted.type):
        raise invalid("parameter_missing", "A custom event type needs data.", "data")
    return wanted
