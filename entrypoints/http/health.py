"""Whether it runs, for load balancers and for people."""

from typing import Any, Literal

import msgspec
from litestar import Controller, Request, Response, get

from application.health import Readiness
from entrypoints.http.given import GivenHealth

LEAVING = "leaving"
"""In the state of the server's lifespan, and so of every request: it was told to stop, and lets nobody in soon."""


class LiveView(msgspec.Struct, frozen=True):
    status: Literal["ok"]


class ProjectionCheck(msgspec.Struct, frozen=True):
    """How many facts a read model is behind the ledger; `degraded`: there is one that it could not take."""

    lag: int
    state: Literal["live", "degraded", "lagging"]


class PolicyCheck(msgspec.Struct, frozen=True):
    """How many facts wait for a policy; `degraded`: it has passed over one that could not be read."""

    lag: int
    state: Literal["live", "degraded"]


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """`queues` in things that are not done yet; of its intents the failed ones wait for `streamly intents retry`.

    A `process` that is leaving was told to stop, and answers what comes within a second.
    """

    process: Literal["serving", "leaving"]
    database: Literal["ok", "unavailable"]
    projections: dict[str, ProjectionCheck]
    policies: dict[str, PolicyCheck]
    queues: dict[str, int]
    failed_intents: int


class ReadyView(msgspec.Struct, frozen=True):
    status: Literal["ok", "degraded", "unavailable"]
    checks: Checks


class HealthController(Controller):
    path = "/health"
    tags = ("Operations",)

    @get("/live", operation_id="read_live", summary="The process answers")
    async def live(self) -> LiveView:
        return LiveView("ok")

    @get("/ready", operation_id="read_ready", summary="It can do its work", unready=ReadyView)
    async def ready(self, request: Request[Any, Any, Any], health: GivenHealth) -> Response[ReadyView]:
        """200, or 503 while the database does not answer or a read model is further behind than it may be.

        503 too once the process was told to stop.

        `degraded` is 200: a read model could not take a fact, or a policy could not read one, and that waits for an
        operator; all else works as ever.
        """
        readiness, leaving = await health.readiness(), LEAVING in request.scope["state"]
        view = _ready_view(readiness, leaving=leaving)
        return Response(view, status_code=503 if view.status == "unavailable" else 200)


def _ready_view(readiness: Readiness, *, leaving: bool) -> ReadyView:
    checks = Checks(
        process="leaving" if leaving else "serving",
        database="ok" if readiness.database else "unavailable",
        projections={
            each.name: ProjectionCheck(each.lag, "lagging" if each.name in readiness.lagging else each.state)
            for each in readiness.read_models
        },
        policies={each.name: PolicyCheck(each.lag, each.state) for each in readiness.policies},
        queues=readiness.queues,
        failed_intents=readiness.failed_intents,
    )
    return ReadyView("unavailable" if leaving else readiness.status, checks)
