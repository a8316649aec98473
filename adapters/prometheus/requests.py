"""Requests, counted and timed under OpenTelemetry's names, in the form that Prometheus gives them.

https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
"""

import asyncio
from collections import Counter
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram

DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""In seconds, as the convention advises."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
OTHER = "_OTHER"
"""The convention's word for a method that somebody has made up: so nobody can make up labels."""


TOLD_SECONDS: Final = 0.1
"""So old is at most what other processes say of how many requests this one is answering."""


class RequestMetrics:
    """Of one process. What labels stand for is looked up once: the library takes as long for that as for counting.

    How many are being answered is counted here and told the library now and then: where processes count together it
    takes as long for moving a gauge up and down as for a duration.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._durations = Histogram(
            "http_server_request_duration_seconds",
            "From a request's head to the end of its answer; without a route where there is none for the address.",
            ["http_request_method", "http_route", "http_response_status_code"],
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        self._active = Gauge(
            "http_server_active_requests",
            "Requests that are being answered.",
            ["http_request_method"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._duration_of: dict[tuple[str, str | None, int], Histogram] = {}
        self._active_of = Counter[str]()
        self._will_tell = False

    def began(self, method: str) -> None:
        """On the loop that answers it."""
        self._active_of[method if method in METHODS else OTHER] += 1
        self._tell_active_soon()

    def ended(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Of a request that began; the route is its template, so that there are no more of them than handlers."""
        duration = self._duration_of.get((method, route, status)) or self._known_duration(method, route, status)
        duration.observe(seconds)
        self._active_of[method if method in METHODS else OTHER] -= 1
        self._tell_active_soon()

    def _tell_active_soon(self) -> None:
        if not self._will_tell:
            self._will_tell = True
            asyncio.get_running_loop().call_later(TOLD_SECONDS, self._tell_others)

    def _tell_others(self) -> None:
        self._will_tell = False
        self.tell_active()

    def tell_active(self) -> None:
        """Tell the library how many are being answered now; from any thread."""
        for method, count in tuple(self._active_of.items()):
            self._active.labels(method).set(count)

    def _known_duration(self, method: str, route: str | None, status: int) -> Histogram:
        known = method if method in METHODS else OTHER
        key = (known, route, status)
        return self._duration_of.setdefault(key, self._durations.labels(known, route or "", str(status)))
