"""Looking up deliveries and their attempts, trying them again, ending them."""

from starlette.requests import Request

from cstar_cli.cloud.api import views
from cstar_cli.cloud.api.answers import ApiError, missing
from cstar_cli.cloud.api.operations import Listed, cloud_of, team_of
from cstar_cli.cloud.api.parameters import DeliveriesQuery

CANCELED = "canceled through the API"


async def index(request: Request, query: DeliveriesQuery) -> Listed[views.Delivery]:
    page = query.wanted_page()
    found = await cloud_of(request).store.deliveries(team_of(request), query.wanted(), page)
    return Listed([views.delivery(delivery) for delivery in found[: page.size]], query, more=len(found) > page.size)


async def show(request: Request) -> views.DeliveryDetails:
    """Show one delivery with every attempt: request and response, headers and body."""
    store, team_id, delivery_id = cloud_of(request).store, team_of(request), request.path_params["delivery_id"]
    delivery = await store.delivery(team_id, delivery_id)
    event = delivery and await store.event(team_id, delivery.event_id)
    if not delivery or not event:
        raise _no_delivery(delivery_id)
    return views.delivery_details(delivery, await store.exchanges_of(delivery_id), event.body)


async def retry(request: Request) -> views.Delivery:
    delivery_id = request.path_params["delivery_id"]
    delivery = await cloud_of(request).store.queue.retry(team_of(request), delivery_id)
    if delivery is None:
        raise _no_delivery(delivery_id)
    return views.delivery(delivery)


async def cancel(request: Request) -> views.Delivery:
    delivery_id = request.path_params["delivery_id"]
    delivery = await cloud_of(request).store.queue.cancel(team_of(request), delivery_id, CANCELED)
    if delivery is None:
        raise _no_delivery(delivery_id)
    return views.delivery(delivery)


def _no_delivery(delivery_id: str) -> ApiError:
    return missing(f"No delivery {delivery_id}.")
