"""Nodes behind nginx as docs/operating has it: who is outside sees nothing of one restart after the other."""

import contextlib
import http.client
import json
import signal
import threading
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from ..acceptance.api import Api
from ..processes import Env, StartListening, free_port
from ..sender.receivers import CERTIFICATE
from .conftest import Count, MakeStage, Sized
from .receiving import Crowd
from .reverse_proxy import ReverseProxy
from .stage import settle_down

CLIENTS = 4
POST_EVERY_S = 0.02
PATHS = ("/ok/webhook", "/ok/local")


class Posting:
    """Posts events through the proxy at a steady pace, once each; `answers` counts what it said."""

    def __init__(self, env: Env, base: str) -> None:
        self.accepted: set[str] = set()
        self.answers: Counter[int] = Counter()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._post, args=[Api(env, base)]) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _post(self, api: Api) -> None:
        with contextlib.closing(api):
            while not self._over.wait(POST_EVERY_S):
                try:
                    answer = api.ask("POST", "/events", {"type": "ticket.created"})
                except json.JSONDecodeError:  # what nginx says itself is a page
                    self.answers[502] += 1
                    continue
                self.answers[answer.status] += 1
                if answer.status == 201:
                    self.accepted.add(answer.content["data"]["event"]["id"])


def test_nodes_are_restarted_one_after_the_other_behind_the_documented_proxy(
    stage: MakeStage,
    postgres_database: str,
    home: Env,
    tmp_path: Path,
    crowd: Crowd,
    listening: StartListening,
    sized: Sized,
    count: Count,
) -> None:
    cloud, restarts = stage(postgres_database), sized(10, 2)
    ports = [free_port(), free_port()]
    options = ("--allow-host", "hooks.example.com")
    nodes = [cloud.start(*options, port=port) for port in ports]
    cloud.register(nodes[0], crowd.url(PATHS[0]), "*")
    with ReverseProxy(nodes, home, tmp_path) as proxy:
        secure = {**home, "CSTAR_API_BASE": proxy.secure, "SSL_CERT_FILE": str(CERTIFICATE)}
        listener = listening("-f", crowd.url(PATHS[1]), env=secure)
        posting = Posting(home, proxy.plain)
        for number in range(restarts):
            before = len(crowd.arrivals)
            crowd.wait_for_arrivals(before + 50)
            nodes[number % 2].signal(signal.SIGTERM)
            assert nodes[number % 2].wait() == 0
            nodes[number % 2] = cloud.start(*options, port=ports[number % 2])
        crowd.wait_for_arrivals(len(crowd.arrivals) + 50)
        posting.stop()
        crowd.wait_for_events(posting.accepted, 30)
        settle_down(cloud, nodes[0])
        statuses = {path: ask(proxy, path) for path in ("/metrics", "/health", "/ready")}
    came = [{arrival.event_id for arrival in crowd.arrivals if arrival.path == path} for path in PATHS]
    refused = sum(posting.answers.values()) - posting.answers[201]
    count("restarts", restarts)
    count("posts answered 201", posting.answers[201])
    count("otherwise", refused)
    count("lost", sum(len(posting.accepted - events) for events in came))
    count("sent twice", crowd.duplicates())
    assert statuses == {"/metrics": 403, "/health": 200, "/ready": 200}
    assert crowd.duplicates() == 0
    assert all(posting.accepted <= events for events in came)
    # Only what was on its way over a connection that the node was closing: nginx may not send a POST twice.
    assert refused <= restarts * CLIENTS, posting.answers
    assert listener.next_of("reconnected")["resumed"] is True


def ask(proxy: ReverseProxy, path: str) -> int:
    with contextlib.closing(http.client.HTTPConnection(urlsplit(proxy.plain).netloc, timeout=10)) as connection:
        connection.request("GET", path, headers={"Host": "hooks.example.com"})
        return connection.getresponse().status
