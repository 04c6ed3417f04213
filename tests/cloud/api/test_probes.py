"""What supervisors, load balancers and Prometheus ask."""

import asyncio
from collections.abc import Collection

import httpx
import pytest
from msgspec.structs import force_setattr
from prometheus_client.parser import text_string_to_metric_families

from cstar_cli import __version__
from cstar_cli.cloud.metrics import CONTENT_TYPE
from cstar_cli.cloud.store.interface import Store

from ..flaky import Flaky
from ..serving import Serve, There
from .test_tunnel import opened

PROBES = ("/health", "/ready", "/metrics")


async def ask(there: There, path: str) -> httpx.Response:
    """Ask as they do: without a token, at the root."""
    async with httpx.AsyncClient(base_url=there.address, trust_env=False, verify=False) as client:
        return await client.get(path)


async def metrics(there: There) -> dict[tuple[str, Collection[str]], float]:
    """Every sample by its name and the values of its labels, sorted."""
    text = (await ask(there, "/metrics")).text
    return {
        (sample.name, tuple(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def replace_store(there: There, store: Store) -> None:
    force_setattr(there.cloud, "store", store)


def test_whoever_asks_is_told_that_the_process_runs_and_no_more(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert (await ask(there, "/health")).json() == {"status": "ok", "version": __version__}
        assert (await ask(there, "/ready")).json() == {"status": "ok"}

    serve(check)


def test_a_cloud_whose_store_is_away_is_alive_and_not_ready(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        flaky = Flaky(store)
        replace_store(there, flaky.as_store)
        assert (await ask(there, "/ready")).status_code == 200
        flaky.away = True
        answer = await ask(there, "/ready")
        assert (answer.status_code, answer.json()) == (503, {"status": "the store is away"})
        assert answer.headers["retry-after"] == "1"
        assert (await ask(there, "/health")).status_code == 200
        found = await metrics(there)
        assert found["cstar_store_up", ()] == 0
        flaky.away = False
        assert (await ask(there, "/ready")).status_code == 200
        replace_store(there, store)

    serve(check)


def test_a_cloud_that_is_told_to_end_is_not_ready(serve: Serve) -> None:
    async def check(there: There) -> None:
        there.cloud.stopping.set()
        answer = await ask(there, "/ready")
        assert (answer.status_code, answer.json()) == (503, {"status": "stopping"})

    serve(check)


def test_metrics_are_in_the_format_of_prometheus(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await ask(there, "/metrics")
        assert answer.headers["content-type"] == CONTENT_TYPE
        for _ in range(2):
            await there.post({"type": "ticket.created"})
        await there.get("/events/evt_none")
        await there.get("/nonsense")
        async with opened(there):
            found = await metrics(there)
        events = "/api/v1/teams/{team_id}/events"
        assert found["cstar_events_total", ()] == 2
        assert found["cstar_tunnels_connected", ()] == 1
        assert found["cstar_store_up", ()] == 1
        assert found["cstar_queue_pending", ()] == 0
        assert found["cstar_http_requests_total", tuple(sorted(("POST", events, "201")))] == 2
        assert found["cstar_http_requests_total", tuple(sorted(("GET", f"{events}/{{event_id}}", "404")))] == 1
        assert found["cstar_http_requests_total", tuple(sorted(("GET", "unmatched", "404")))] == 1

    serve(check)


@pytest.mark.parametrize("path", PROBES)
def test_a_probe_can_only_be_asked(serve: Serve, path: str) -> None:
    async def check(there: There) -> None:
        async with httpx.AsyncClient(base_url=there.address, trust_env=False, verify=False) as client:
            assert (await client.post(path)).status_code == 405
            assert (await client.head(path)).status_code == 200

    serve(check)


def test_many_may_ask_at_once(serve: Serve) -> None:
    async def check(there: There) -> None:
        answers = await asyncio.gather(*(ask(there, path) for path in PROBES * 10))
        assert {answer.status_code for answer in answers} == {200}

    serve(check)
