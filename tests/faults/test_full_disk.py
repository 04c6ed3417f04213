"""A database that can't be written: 503, no false 2xx, and all goes on by itself."""

import http.client
import resource
from urllib.parse import urlsplit

from ..acceptance.api import Api
from ..postgres import Postgres
from ..processes import Serving
from .conftest import Count, MakeStage, Sized
from .receiving import Crowd
from .stage import settle_down, wait_until


def probe(node: Serving, path: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(node.address).netloc, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def refusals(api: Api, tries: int) -> int:
    """Try to post events that can't be kept; each is refused as what may be tried again later."""
    for _ in range(tries):
        answer = api.ask("POST", "/events", {"type": "ticket.created"})
        assert answer.status == 503, answer
        assert answer.content["error"]["code"] == "store_unavailable"
        assert int(answer.headers["Retry-After"]) >= 1
    return tries


def test_a_full_disk_is_503_until_there_is_room(
    stage: MakeStage, sqlite_database: str, crowd: Crowd, sized: Sized, count: Count
) -> None:
    """The room is the process's limit of file sizes, which the kernel enforces like a quota."""
    cloud = stage(sqlite_database)
    node = cloud.start()
    webhook = cloud.register(node, crowd.url("/held"), "*")
    accepted = cloud.post_events([node], sized(500, 50))
    api = cloud.api(node)
    _, most = resource.prlimit(node.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (0, most))
    refused = refusals(api, 20)
    assert (probe(node, "/health"), probe(node, "/ready")) == (200, 503)
    crowd.open()  # what is under way ends while its outcome can't be kept
    wait_until(lambda: crowd.answered >= 16, 10, "answers")
    refused += refusals(api, 20)
    resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (most, most))
    back_s = wait_until(lambda: probe(node, "/ready") == 200, 10, "ready")
    accepted |= cloud.post_events([node], 20)
    crowd.wait_for_events(accepted, 60)
    settle_down(cloud, node)
    came = {arrival.event_id for arrival in crowd.arrivals}
    count("accepted", len(accepted))
    count("refused", refused)
    count("lost", len(accepted - came))
    count("delivered without a 2xx", len(came - accepted))
    count("sent twice", crowd.duplicates())
    count("ready again after, s", round(back_s, 2))
    assert came == accepted
    assert len(cloud.attempts(node, webhook)) == len(crowd.arrivals)


def test_a_read_only_database_is_503_until_it_can_be_written(
    stage: MakeStage, postgres: Postgres, crowd: Crowd, sized: Sized, count: Count
) -> None:
    name = postgres.create_database()
    cloud = stage(postgres.url(name))
    node = cloud.start()
    cloud.register(node, crowd.url("/slow/20"), "*")
    accepted = cloud.post_events([node], sized(500, 100))
    set_read_only(postgres, name, on=True)
    api = cloud.api(node)
    wait_until(lambda: probe(node, "/ready") == 503, 10, "not ready")
    refused = refusals(api, 20)
    assert probe(node, "/health") == 200
    set_read_only(postgres, name, on=False)
    back_s = wait_until(lambda: probe(node, "/ready") == 200, 10, "ready")
    accepted |= cloud.post_events([node], 20)
    crowd.wait_for_events(accepted, 60)
    settle_down(cloud, node)
    came = {arrival.event_id for arrival in crowd.arrivals}
    count("accepted", len(accepted))
    count("refused", refused)
    count("lost", len(accepted - came))
    count("delivered without a 2xx", len(came - accepted))
    count("ready again after, s", round(back_s, 2))
    assert came == accepted


def set_read_only(postgres: Postgres, database: str, *, on: bool) -> None:
    """Make a database read-only, or not, for all who are connected."""
    postgres.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = {'on' if on else 'off'}")
    postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
