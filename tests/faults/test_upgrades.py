"""A cloud that is upgraded in the middle of its work: the next version, which has a migration more, goes on with it."""

import json
import re
import shutil
import signal
import urllib.request
from pathlib import Path

import pytest

import cstar_cli

from ..processes import Env, RunCstar, Serving
from .conftest import Count, MakeStage, Sized
from .receiving import Crowd
from .stage import Stage, settle_down

NEXT = "1000.0.0"
PATIENT = ("--delivery-timeout", "60s")
# Of the tables that a node works on all the time.
_MIGRATION = "".join(
    f"ALTER TABLE {table} ADD COLUMN later text NOT NULL DEFAULT 'none';\n"
    for table in ("events", "webhooks", "deliveries", "attempts")
)


@pytest.fixture
def next_version(home: Env, tmp_path: Path) -> Env:
    """The environment of whoever runs the next version."""
    package = tmp_path / "next" / "cstar_cli"
    shutil.copytree(Path(cstar_cli.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").write_text(f'__version__ = "{NEXT}"\n')
    for driver in ("sqlite", "postgres"):
        (package / "cloud" / "store" / driver / "migrations" / "9999_later.sql").write_text(_MIGRATION)
    return {**home, "PYTHONPATH": str(package.parent)}


def read(node: Serving, path: str) -> str:
    with urllib.request.urlopen(f"{node.address}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def version(node: Serving) -> str:
    return str(json.loads(read(node, "/health"))["version"])


def attempts(node: Serving) -> int:
    """Return how many attempts the node has made itself, as its metrics have it."""
    found = re.findall(r"^cstar_attempts_total\{.*\} (\d+)", read(node, "/metrics"), re.MULTILINE)
    return sum(map(int, found))


def stop(node: Serving) -> None:
    node.signal(signal.SIGTERM)
    assert node.wait() == 0, node.stderr


def test_the_next_version_starts_where_the_last_one_has_stopped(
    stage: MakeStage, database: str, crowd: Crowd, next_version: Env, sized: Sized, count: Count
) -> None:
    cloud = stage(database)
    old = cloud.start(*PATIENT)
    accepted = backlog(cloud, old, crowd, sized(10_000, 600))
    crowd.open()
    crowd.wait_for_arrivals(len(accepted) // 4)
    stop(old)
    new = cloud.start(env=next_version)
    assert version(new) == NEXT
    accepted |= cloud.post_events([new], 20)
    finish(cloud, new, crowd, accepted, count)


def test_the_next_version_migrates_and_starts_beside_the_last_one(
    stage: MakeStage,
    postgres_database: str,
    crowd: Crowd,
    cstar: RunCstar,
    next_version: Env,
    sized: Sized,
    count: Count,
) -> None:
    cloud = stage(postgres_database)
    old = cloud.start(*PATIENT)
    accepted = backlog(cloud, old, crowd, sized(10_000, 600))
    migrated = cstar("cloud", "migrate", "--database", postgres_database, env=next_version)
    assert "9999_later" in migrated.stdout + migrated.stderr, migrated
    accepted |= cloud.post_events([old], 50)
    new = cloud.start(*PATIENT, env=next_version)
    assert (version(old), version(new)) == (cstar_cli.__version__, NEXT)
    accepted |= cloud.post_events([old, new], 50)
    crowd.open()
    crowd.wait_for_arrivals(len(accepted) // 4)
    stop(old)
    finish(cloud, new, crowd, accepted, count)


def backlog(cloud: Stage, node: Serving, crowd: Crowd, events: int) -> set[str]:
    """Make so many deliveries, of which none is over before the crowd opens."""
    cloud.register(node, crowd.url("/held"), "*")
    return cloud.post_events([node], events)


def finish(cloud: Stage, new: Serving, crowd: Crowd, accepted: set[str], count: Count) -> None:
    """The next version delivers the rest, which is something."""
    crowd.wait_for_events(accepted, 60)
    settle_down(cloud, new)
    count("deliveries", len(accepted))
    count("by the next version", attempts(new))
    count("lost", len(accepted - {arrival.event_id for arrival in crowd.arrivals}))
    count("sent twice", crowd.duplicates())
    assert 0 < attempts(new) < len(accepted)
    assert crowd.duplicates() == 0
