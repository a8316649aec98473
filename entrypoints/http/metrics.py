"""What Prometheus scrapes."""

import asyncio
from typing import NamedTuple, Protocol

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from application.health import Readiness
from application.tracing import Spans
from entrypoints.http.health import GivenHealth, at_this_very_address, its_head


class RequestMetrics(Protocol):
    """Where each request is counted, from any address and by whatever answered it."""

    def began(self, method: str) -> None: ...

    def ended(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """The route is its template, and None where there is none for the address."""
        ...


class Uncounted:
    """Of a server beside which nobody counts."""

    def began(self, method: str) -> None:
        """Nothing."""

    def ended(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Nothing."""


class Observed(NamedTuple):
    """By what it is seen from the outside how requests fare."""

    requests: RequestMetrics
    spans: Spans


class Metrics(Protocol):
    """What this process has counted, and the format in which it is told."""

    content_type: str

    @property
    def requests(self) -> RequestMetrics: ...

    def exposition(self, readiness: Readiness) -> bytes:
        """With how the ledger and the read models stand."""
        ...


GivenMetrics = NamedDependency[SkipValidation[Metrics]]


class MetricsController(Controller):
    path = "/metrics"
    include_in_schema = False
    guards = (at_this_very_address,)

    @get()
    async def metrics(self, health: GivenHealth, metrics: GivenMetrics) -> Response[bytes]:
        """Always 200: what cannot be reached is said in `streamly_database_up`."""
        readiness = await health.readiness()
        # On a thread: where many routes have been asked for it takes 100 ms, and others wait for 5 of them at most.
        text = await asyncio.to_thread(metrics.exposition, readiness)
        return Response(text, headers={"content-type": metrics.content_type, "cache-control": "no-store"})

    metrics_by_head = its_head(metrics, "/")
