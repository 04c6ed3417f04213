"""GET of deliveries and their attempts."""

from starlette.requests import Request
from starlette.responses import Response

from cstar_cli.cloud.api import parameters, views
from cstar_cli.cloud.api.answers import missing, success
from cstar_cli.cloud.api.events import pagination
from cstar_cli.cloud.service import Cloud


async def index(request: Request) -> Response:
    cloud: Cloud = request.app.state.cloud
    page = parameters.page(request.query_params)
    query = parameters.delivery_query(request.query_params)
    deliveries = await cloud.store.deliveries(request.path_params["team_id"], query, page)
    return success(
        [views.delivery(delivery) for delivery in deliveries[: page.size]],
        pagination=pagination(page, len(deliveries)),
    )


async def show(request: Request) -> Response:
    """Show one delivery with every attempt: request and response, headers and body."""
    cloud: Cloud = request.app.state.cloud
    team_id, delivery_id = request.path_params["team_id"], request.path_params["delivery_id"]
    delivery = await cloud.store.delivery(team_id, delivery_id)
    event = delivery and await cloud.store.event(team_id, delivery.event_id)
    if not delivery or not event:
        raise missing(f"No delivery {delivery_id}.")
    exchanges = await cloud.store.exchanges_of(delivery_id)
    answer = views.delivery(delivery)
    answer["attempts"] = [views.exchange(exchange, event.body) for exchange in exchanges]
    return success(answer)
