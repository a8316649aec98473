"""What Prometheus scrapes."""

from typing import Protocol

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from application.health import Readiness
from entrypoints.http.given import GivenHealth


class Metrics(Protocol):
    """What this process has counted, and the format in which it is told."""

    content_type: str

    def exposition(self, readiness: Readiness) -> bytes:
        """With how the ledger and the read models stand."""
        ...


GivenMetrics = NamedDependency[SkipValidation[Metrics]]


class MetricsController(Controller):
    path = "/metrics"
    include_in_schema = False

    @get()
    async def metrics(self, health: GivenHealth, metrics: GivenMetrics) -> Response[bytes]:
        """Always 200: what cannot be reached is said in `streamly_database_up`."""
        text = metrics.exposition(await health.readiness())
        return Response(text, headers={"content-type": metrics.content_type, "cache-control": "no-store"})
