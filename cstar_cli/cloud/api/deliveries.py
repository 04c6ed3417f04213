"""Looking up deliveries and their attempts, trying them again, ending them."""

from starlette.requests import Request

from cstar_cli.cloud.api import views
from cstar_cli.cloud.api.answers import ApiError, missing
from cstar_cli.cloud.api.naming import names_of
from cstar_cli.cloud.api.operations import Listed, cloud_of, team_of
from cstar_cli.cloud.api.parameters import DeliveriesQuery

CANCELED = "canceled through the API"


async def index(request: Request, query: DeliveriesQuery) -> Listed[views.Delivery]:
    store, page = cloud_of(request).store, query.wanted_page()
    found = await store.deliveries(team_of(request), query.wanted(), page)
    shown = found[: page.size]
    names = await names_of(store, shown)
    return Listed([views.delivery(delivery, names) for delivery in shown], query, more=len(found) > page.size)


async def show(request: Request) -> views.DeliveryDetails:
    """Show one delivery with every attempt: request and response, headers and body."""
    store, team_id, delivery_id = cloud_of(request).store, team_of(request), request.path_params["delivery_id"]
    delivery = await store.delivery(team_id, delivery_id)
    event = delivery and await store.event(team_id, delivery.event_id)
    if not delivery or not event:
        raise _no_delivery(delivery_id)
    names = await names_of(store, [delivery])
    return views.delivery_details(delivery, await store.exchanges_of(delivery_id), event, names)


async def retry(request: Request) -> views.Delivery:
    store, delivery_id = cloud_of(request).store, request.path_params["delivery_id"]
    delivery = await store.queue.retry(team_of(request), delivery_id)
    if delivery is None:
        raise _no_delivery(delivery_id)
    return views.delivery(delivery, await names_of(store, [delivery]))


async def cancel(request: Request) -> views.Delivery:
    store, delivery_id = cloud_of(request).store, request.path_params["delivery_id"]
    delivery = await store.queue.cancel(team_of(request), delivery_id, CANCELED)
    if delivery is None:
        raise _no_delivery(delivery_id)
    return views.delivery(delivery, await names_of(store, [delivery]))


def _no_delivery(delivery_id: str) -> ApiError:
    return missing(f"No delivery {delivery_id}.")
