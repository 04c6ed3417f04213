"""Many write and one follows: the live log shows each attempt once, whatever is cut."""

import http.client
import threading
from collections import Counter

from ..acceptance.api import Api
from ..processes import Serving
from .conftest import Count, MakeStage, Sized
from .receiving import Crowd
from .stage import settle_down, wait_until

A_CONNECTION_TAKES = 0.2  # of all the lines; then it is cut, and the next one goes on after the last cursor


class Follower:
    """Follows the log over one connection after the other, on a thread of its own."""

    def __init__(self, apis: list[Api], lines_a_connection: int) -> None:
        self.attempts: list[str] = []
        self.cuts = 0
        self._apis = apis
        self._lines = lines_a_connection
        self._cursor = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._over.is_set():
            where = f"after={self._cursor}" if self._cursor else "lines=0"
            try:
                self._read(self._apis[self.cuts % len(self._apis)], where)
            except (OSError, http.client.HTTPException):
                continue
            self.cuts += 1

    def _read(self, api: Api, where: str) -> None:
        taken = 0
        for line in api.lines(f"/deliveries/tail?{where}"):
            self._cursor = line["cursor"]
            if line["kind"] == "attempt":
                self.attempts.append(f"{line['delivery_id']} {line['attempt']}")
                taken += 1
            if taken >= self._lines or self._over.is_set():
                return


def test_a_follower_beside_many_writers_misses_nothing(
    stage: MakeStage, database: str, crowd: Crowd, sized: Sized, count: Count
) -> None:
    events = sized(50_000, 1_500)
    cloud = stage(database)
    nodes: list[Serving] = [cloud.start()]
    if database.startswith("postgresql:"):
        nodes.append(cloud.start())
    for path in ("/ok/one", "/ok/two"):
        cloud.register(nodes[0], crowd.url(path), "*")
    follower = Follower([cloud.api(node) for node in nodes], round(2 * events * A_CONNECTION_TAKES))
    try:
        accepted = cloud.post_events(nodes, events)
        crowd.wait_for_events(accepted, 600)
        settle_down(cloud, nodes[0])
        recorded = {f"{delivery_id} {number}" for delivery_id, number in cloud.recorded()}
        wait_until(lambda: len(follower.attempts) >= len(recorded), 30, "all attempts")
    finally:
        follower.end()
    shown = Counter(follower.attempts)
    count("attempts", len(recorded))
    count("missed", len(recorded - shown.keys()))
    count("shown twice", sum(times - 1 for times in shown.values()))
    count("cuts", follower.cuts - 1)
    assert len(recorded) >= 2 * events
    assert shown.keys() == recorded
    assert len(shown) == len(follower.attempts)
    assert follower.cuts > 2
