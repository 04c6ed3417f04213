"""A thousand listeners that have lost their node all at once come back all at once."""

import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ..acceptance.api import Api
from ..processes import Env, Running, free_port
from .conftest import Count, MakeStage, Sized
from .timing import ms, percentile

pytestmark = pytest.mark.alone

LISTENERS = Path(__file__).with_name("listeners.py")
ASKERS = 4
ASK_EVERY_S = 0.04


class Listeners(Running):
    """Many listeners in a process of their own."""

    def __init__(self, count: int, env: Env, folder: Path) -> None:
        super().__init__([sys.executable, "-P", str(LISTENERS), str(count)], env, folder)
        self.got: list[tuple[str, str]] = []

    def take(self, count: int, kind: str, within_s: float) -> list[dict[str, Any]]:
        """Return the next lines of a kind, `up` or `got`; fails when they don't all come within the time."""
        until = time.monotonic() + within_s
        taken: list[dict[str, Any]] = []
        while len(taken) < count:
            try:
                line = json.loads(self.next_line(max(0.01, until - time.monotonic())))
            except AssertionError as late:
                raise AssertionError(f"{len(taken)} of {count} {kind} within {within_s} s: {late}") from late
            if "got" in line:
                self.got.append((line["got"], line["event"]))
            if kind in line:
                taken.append(line)
        return taken


class Asking:
    """Asks the API something small at a steady pace, over several connections.

    What counts is how long an answer took from when it was to be asked: who asks late has waited, too.
    """

    def __init__(self, apis: Sequence[Api]) -> None:
        self.took_s: list[float] = []
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=[api], daemon=True) for api in apis]
        for thread in self._threads:
            thread.start()

    def _ask(self, api: Api) -> None:
        due_at = time.monotonic()
        while not self._enough.is_set():
            time.sleep(max(0.0, due_at - time.monotonic()))
            api.get("/deliveries?pageSize=1")
            self.took_s.append(time.monotonic() - due_at)
            due_at += ASK_EVERY_S

    def stop(self) -> list[float]:
        """Return the seconds that each answer took."""
        self._enough.set()
        for thread in self._threads:
            thread.join()
        return self.took_s


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
def test_all_tunnels_of_a_node_reconnect_at_once(
    stage: MakeStage,
    sqlite_database: str,
    home: Env,
    tmp_path: Path,
    sized: Sized,
    count: Count,
    stop: signal.Signals,
) -> None:
    tunnels, port = sized(1_000, 150), free_port()
    cloud = stage(sqlite_database)
    node = cloud.start(port=port)
    with Listeners(tunnels, {**home, "CSTAR_API_BASE": node.address}, tmp_path) as listeners:
        sessions = {line["up"] for line in listeners.take(tunnels, "up", 60)}
        if stop is signal.SIGKILL:
            node.kill()
        else:
            node.signal(stop)
            node.wait()
        node = cloud.start(port=port)
        back_at_s = time.monotonic()
        asking = Asking([cloud.api(node) for _ in range(ASKERS)])
        again = listeners.take(tunnels, "up", 20)
        took_s = asking.stop()
        all_up_s = max(line["at_s"] for line in again) - back_at_s
        event_id = cloud.api(node).post_event("ticket.created")["event"]["id"]
        listeners.take(tunnels, "got", 20)
    count("tunnels", tunnels)
    count("resumed", sum(line["resumed"] for line in again))
    count("all up, s", round(all_up_s, 2))
    count("questions to the API", len(took_s))
    count("p99, ms", ms(percentile(took_s, 99)))
    assert {line["up"] for line in again if line["resumed"]} == sessions
    assert Counter(event for _, event in listeners.got) == {event_id: tunnels}
    assert all_up_s < 5
    assert percentile(took_s, 99) < 0.2
