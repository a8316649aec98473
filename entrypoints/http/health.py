"""Whether it runs, for load balancers and for people."""

from typing import Literal

import msgspec
from litestar import Controller, Response, get

from application.health import Readiness
from entrypoints.http.given import GivenHealth


class LiveView(msgspec.Struct, frozen=True):
    status: Literal["ok"]


class Lag(msgspec.Struct, frozen=True):
    """How many facts a read model is behind the ledger."""

    lag: int


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """`queues` in things that are not done yet."""

    database: Literal["ok", "unavailable"]
    projections: dict[str, Lag]
    queues: dict[str, int]


class ReadyView(msgspec.Struct, frozen=True):
    status: Literal["ok", "unavailable"]
    checks: Checks


class HealthController(Controller):
    path = "/health"
    tags = ("Operations",)

    @get("/live", operation_id="read_live", summary="The process answers")
    async def live(self) -> LiveView:
        return LiveView("ok")

    @get("/ready", operation_id="read_ready", summary="It can do its work", unready=ReadyView)
    async def ready(self, health: GivenHealth) -> Response[ReadyView]:
        """200, or 503 while the database does not answer."""
        readiness = await health.readiness()
        return Response(_ready_view(readiness), status_code=200 if readiness.database else 503)


def _ready_view(readiness: Readiness) -> ReadyView:
    status: Literal["ok", "unavailable"] = "ok" if readiness.database else "unavailable"
    lags = {name: Lag(lag) for name, lag in readiness.lags.items()}
    return ReadyView(status, Checks(database=status, projections=lags, queues=readiness.queues))
