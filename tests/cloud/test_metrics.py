"""What is counted, as Prometheus reads it."""

import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cstar_cli.cloud.metrics import Metrics, Now
from cstar_cli.cloud.store.records import AttemptOutcome
from cstar_cli.cloud.store.webhooks import QueueStats

QUIET = Now(tunnels=0, queue=QueueStats(pending=0, due=0, oldest_due_ms=0))


def samples(metrics: Metrics, now: Now = QUIET) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels, in the order of the labels' names."""
    text = metrics.exposition(now).decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def attempt(
    succeeded: bool = True, status: int | None = 200, error_class: str | None = None, duration_ms: float = 30.0
) -> AttemptOutcome:
    return AttemptOutcome("dlv_1", 1, succeeded, status, None, 1, duration_ms, error_class=error_class)


def test_accepted_events_are_counted() -> None:
    metrics = Metrics()
    for _ in range(3):
        metrics.event_accepted()
    assert samples(metrics)["cstar_events_total",] == 3


def test_attempts_are_counted_by_target_and_by_what_came_of_them() -> None:
    metrics = Metrics()
    metrics.attempted("webhook", attempt())
    metrics.attempted("webhook", attempt())
    metrics.attempted("webhook", attempt(False, None, "timeout"))
    metrics.attempted("session", attempt(False, 500))
    metrics.attempted("session", attempt(False, None))
    counted = {labels[1:]: value for labels, value in samples(metrics).items() if labels[0] == "cstar_attempts_total"}
    assert counted == {
        ("", "succeeded", "webhook"): 2,
        ("timeout", "failed", "webhook"): 1,
        ("status", "failed", "session"): 1,
        ("other", "failed", "session"): 1,
    }


@pytest.mark.parametrize(
    ("duration_ms", "bounds"),
    [(0.0, {"0.005", "10.0", "+Inf"}), (5.0, {"0.005", "10.0", "+Inf"}), (10_000.0, {"10.0", "+Inf"}), (1e6, {"+Inf"})],
)
def test_a_duration_is_in_every_bucket_that_holds_it(duration_ms: float, bounds: set[str]) -> None:
    metrics = Metrics()
    metrics.attempted("webhook", attempt(duration_ms=duration_ms))
    found = samples(metrics)
    name = "cstar_attempt_duration_seconds"
    for bound in ("0.005", "10.0", "+Inf"):
        assert found[f"{name}_bucket", bound, "webhook"] == (bound in bounds)
        assert found[f"{name}_bucket", bound, "session"] == 0
    assert found[f"{name}_count", "webhook"] == 1
    assert found[f"{name}_sum", "webhook"] == pytest.approx(duration_ms / 1000)


def test_a_duration_that_a_listener_made_up_takes_nothing_off_the_sum() -> None:
    metrics = Metrics()
    metrics.attempted("session", attempt(duration_ms=-1e9))
    assert samples(metrics)["cstar_attempt_duration_seconds_sum", "session"] == 0


def test_requests_are_counted_by_route_and_strange_methods_together() -> None:
    metrics = Metrics()
    metrics.requested("GET", "/health", 200)
    metrics.requested("BREW", "unmatched", 404)
    metrics.requested("WHEN", "unmatched", 404)
    found = samples(metrics)
    assert found["cstar_http_requests_total", "GET", "/health", "200"] == 1
    assert found["cstar_http_requests_total", "other", "unmatched", "404"] == 2


def test_the_queue_and_the_tunnels_are_those_of_now() -> None:
    now = Now(tunnels=2, queue=QueueStats(pending=7, due=5, oldest_due_ms=1500))
    found = samples(Metrics(), now)
    assert found["cstar_tunnels_connected",] == 2
    assert found["cstar_store_up",] == 1
    assert found["cstar_queue_pending",] == 7
    assert found["cstar_queue_due",] == 5
    assert found["cstar_queue_oldest_due_seconds",] == 1.5


def test_while_the_store_is_away_the_rest_is_still_told() -> None:
    metrics = Metrics()
    metrics.event_accepted()
    found = samples(metrics, Now(tunnels=1, queue=None))
    assert (found["cstar_store_up",], found["cstar_events_total",]) == (0, 1)
    assert not any(name.startswith("cstar_queue") for name, *_ in found)


def test_counting_does_not_load_what_writes_it_down() -> None:
    counting = "import sys; import cstar_cli.cloud.server; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", counting], check=False).returncode == 0
