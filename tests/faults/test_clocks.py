"""The wall clock moved by an hour while retries wait: none comes early, none stalls."""

import json
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from .conftest import Count, MakeStage, Sized
from .receiving import Arrival, Crowd
from .stage import wait_until
from .wall_clock import WallClock

HOUR_S = 3600
WAIT_S = 2
RETRIES = 3
LATEST_S = WAIT_S * 1.05 + 1

_CLOCKS = """
import json, sys, time
for line in sys.stdin:
    print(json.dumps([time.time(), time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)]), flush=True)
"""


def test_the_wall_clock_moves_and_no_other(tmp_path: Path) -> None:
    """What the other tests stand on."""
    clock = WallClock(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", _CLOCKS], env=clock.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout

        def read() -> list[float]:
            assert process.stdin
            assert process.stdout
            process.stdin.write("\n")
            process.stdin.flush()
            read: list[float] = json.loads(process.stdout.readline())
            return read

        began = read()
        for moved_s in (HOUR_S, -HOUR_S, 0):
            clock.move(moved_s)
            wall_s, *others_s = (now - before for now, before in zip(read(), began, strict=True))
            assert abs(wall_s - moved_s) < 5
            assert all(0 <= other_s < 5 for other_s in others_s)
        process.stdin.close()


@pytest.mark.parametrize("moved_s", [HOUR_S, -HOUR_S])
def test_a_wall_clock_that_jumps_makes_no_retry_early_or_late(
    stage: MakeStage, database: str, crowd: Crowd, tmp_path: Path, sized: Sized, count: Count, moved_s: int
) -> None:
    """On PostgreSQL it is the node's clock that jumps, away from the database's."""
    deliveries = sized(200, 20)
    clock = WallClock(tmp_path)
    schedule = ",".join([f"{WAIT_S}s"] * RETRIES)
    cloud = stage(database)
    node = cloud.start("--retry-schedule", schedule, env=clock.env)
    cloud.register(node, crowd.url("/status/500"))
    events = cloud.post_events([node], deliveries)
    for attempt in range(1, RETRIES + 1):  # while each of the retries waits: away, back, away
        crowd.wait_for_arrivals(attempt * deliveries, LATEST_S + 2)
        clock.move(moved_s if attempt % 2 else 0)
    crowd.wait_for_arrivals((RETRIES + 1) * deliveries, LATEST_S + 2)
    gaps_s = [gap_s for event_id in events for gap_s in gaps(crowd.arrivals, event_id)]
    count("retries", len(gaps_s))
    count("early", sum(gap_s < WAIT_S for gap_s in gaps_s))
    count("late", sum(gap_s > LATEST_S for gap_s in gaps_s))
    count("waited, s", f"{min(gaps_s):.2f} to {max(gaps_s):.2f}")
    assert len(gaps_s) == RETRIES * deliveries
    assert min(gaps_s) >= WAIT_S
    assert max(gaps_s) <= LATEST_S


@pytest.mark.parametrize("moved_s", [HOUR_S, -HOUR_S])
def test_a_wall_clock_that_has_jumped_holds_no_new_event_up(
    stage: MakeStage, database: str, crowd: Crowd, tmp_path: Path, count: Count, moved_s: int
) -> None:
    clock = WallClock(tmp_path)
    cloud = stage(database)
    node = cloud.start(env=clock.env)
    cloud.register(node, crowd.url("/ok"))
    slowest_s = 0.0
    for place_s in (0, moved_s, 0, moved_s):
        clock.move(place_s)
        before = len(crowd.arrivals)
        began = time.monotonic()
        cloud.post_events([node], 5)
        slowest_s = max(slowest_s, wait_until(lambda: len(crowd.arrivals) == before + 5, 5, "delivered"))  # noqa: B023
        assert time.monotonic() - began < 5
    count("slowest delivery, s", round(slowest_s, 2))


def gaps(arrivals: list[Arrival], event_id: str) -> list[float]:
    """Return the times between the posts of an event."""
    times_s = [arrival.at_s for arrival in arrivals if arrival.event_id == event_id]
    return [after - before for before, after in pairwise(times_s)]
