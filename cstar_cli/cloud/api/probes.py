"""What supervisors, load balancers and Prometheus ask, of anyone and without a token: as little as they need.

    GET /health   200 while the process runs
    GET /ready    200 when requests may come; 503 while the store is away or the node ends
    GET /metrics  the text format of Prometheus

Routes at the root, before any guard.
"""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cstar_cli import __version__
from cstar_cli.cloud.metrics import CONTENT_TYPE, Now
from cstar_cli.cloud.service import Cloud
from cstar_cli.cloud.store.interface import Store, StoreUnavailable
from cstar_cli.cloud.store.webhooks import QueueStats

PATIENCE_S = 2.0


async def health(_: Request) -> Response:
    return JSONResponse({"status": "ok", "version": __version__})


async def ready(request: Request) -> Response:
    cloud: Cloud = request.app.state.cloud
    if cloud.stopping.is_set():
        return _not_ready("stopping")
    try:
        async with asyncio.timeout(PATIENCE_S):
            await cloud.store.ping()
    except (StoreUnavailable, TimeoutError):
        return _not_ready("the store is away")
    return JSONResponse({"status": "ok"})


async def metrics(request: Request) -> Response:
    cloud: Cloud = request.app.state.cloud
    now = Now(tunnels=cloud.sessions.connected, queue=await _queue_stats(cloud.store))
    return Response(cloud.metrics.exposition(now), media_type=CONTENT_TYPE)


async def _queue_stats(store: Store) -> QueueStats | None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await store.queue.stats()
    except (StoreUnavailable, TimeoutError):
        return None


def _not_ready(status: str) -> Response:
    return JSONResponse({"status": status}, 503, headers={"retry-after": "1"})
