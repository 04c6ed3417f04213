"""What a node counts, for Prometheus.

Counting is plain arithmetic; prometheus_client, which only writes it down, is loaded by the first who asks: its import
would cost each `listen` that starts a cloud 20 ms.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

import msgspec

from cstar_cli.cloud.store.records import AttemptOutcome
from cstar_cli.cloud.store.webhooks import QueueStats

if TYPE_CHECKING:
    from prometheus_client import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})

TargetKind = Literal["webhook", "session"]


class Histogram:
    """How often a duration fell into each bucket, and their sum."""

    def __init__(self, bounds_s: Sequence[float] = LATENCY_S) -> None:
        self._bounds_s = bounds_s
        self._counts = [0] * (len(bounds_s) + 1)
        self.sum_s = 0.0

    def observe(self, duration_s: float) -> None:
        self.sum_s += duration_s
        self._counts[bisect_left(self._bounds_s, duration_s)] += 1

    @property
    def buckets(self) -> Sequence[tuple[str, float]]:
        """The cumulative counts, by the upper bound that each has."""
        bounds = [*map(str, self._bounds_s), "+Inf"]
        return list(zip(bounds, accumulate(map(float, self._counts)), strict=True))


class Now(msgspec.Struct, frozen=True):
    """What is so at the moment of asking; `queue` is None while the store is away."""

    tunnels: int
    queue: QueueStats | None


class Metrics:
    """Counts of one node since its start."""

    def __init__(self) -> None:
        self._events = 0
        self._attempts: Counter[tuple[TargetKind, str, str]] = Counter()
        self._latency: dict[TargetKind, Histogram] = {"webhook": Histogram(), "session": Histogram()}
        self._requests: Counter[tuple[str, str, int]] = Counter()

    def event_accepted(self) -> None:
        """An event was stored and will be answered 2xx."""
        self._events += 1

    def attempted(self, target: TargetKind, outcome: AttemptOutcome) -> None:
        """An attempt has ended."""
        result = "succeeded" if outcome.succeeded else "failed"
        self._attempts[target, result, error_class(outcome)] += 1
        self._latency[target].observe(max(0.0, outcome.duration_ms) / 1000)

    def requested(self, method: str, route: str, status: int) -> None:
        """A request was answered; `route` is the template of its path."""
        self._requests[method if method in METHODS else "other", route, status] += 1

    def exposition(self, now: Now) -> bytes:
        """Return everything in the text format of Prometheus."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collected(self, now))
        return generate_latest(registry)

    def families(self, now: Now) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        yield CounterMetricFamily("cstar_events", "Events that were accepted.", value=self._events)
        attempts = CounterMetricFamily(
            "cstar_attempts",
            "Attempts to deliver, by the kind of target, what came of them, and why they failed.",
            labels=("target", "outcome", "error_class"),
        )
        for labels, count in sorted(self._attempts.items()):
            attempts.add_metric(labels, count)
        yield attempts
        latency = HistogramMetricFamily(
            "cstar_attempt_duration_seconds", "How long attempts took, from connecting to the end.", labels=("target",)
        )
        for target, histogram in self._latency.items():
            latency.add_metric((target,), histogram.buckets, histogram.sum_s)
        yield latency
        requests = CounterMetricFamily(
            "cstar_http_requests", "Requests to the API.", labels=("method", "route", "status")
        )
        for (method, route, status), count in sorted(self._requests.items()):
            requests.add_metric((method, route, str(status)), count)
        yield requests
        yield GaugeMetricFamily("cstar_tunnels_connected", "Listeners connected to this node.", value=now.tunnels)
        yield GaugeMetricFamily("cstar_store_up", "Whether the store could be read.", value=now.queue is not None)
        if now.queue is None:
            return
        yield GaugeMetricFamily(
            "cstar_queue_pending", "Deliveries to webhooks without an outcome.", value=now.queue.pending
        )
        yield GaugeMetricFamily("cstar_queue_due", "Those of them that could go now.", value=now.queue.due)
        yield GaugeMetricFamily(
            "cstar_queue_oldest_due_seconds",
            "How long the oldest of those waits.",
            value=now.queue.oldest_due_ms / 1000,
        )


class _Collected(msgspec.Struct, frozen=True):
    metrics: Metrics
    now: Now

    def collect(self) -> "Iterator[Metric]":
        return self.metrics.families(self.now)


def error_class(outcome: AttemptOutcome) -> str:
    """Return one word for why the attempt failed, empty if it didn't: that of its maker, or by its status."""
    if outcome.succeeded:
        return ""
    if outcome.error_class:
        return outcome.error_class
    return "status" if outcome.status is not None else "other"
