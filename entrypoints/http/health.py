"""Whether it runs, for load balancers and for people."""

import asyncio
from time import monotonic
from typing import Any, Literal, Protocol

import msgspec
from litestar import Controller, HttpMethod, Request, Response, get, route
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import SkipValidation

from application.health import Readiness

LEAVING = "leaving"
"""In the state of the server's lifespan, and so of every request: it was told to stop, and lets nobody in soon."""


LOOK_SECONDS = 1.0


def its_head(answered: HTTPRouteHandler, path: str) -> HTTPRouteHandler:
    """HEAD beside a GET: the same answer without its body (RFC 9110, section 9.3.2), for those who watch by that."""
    return route(path, http_method=HttpMethod.HEAD, include_in_schema=False)(answered.fn)


def at_this_very_address(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard: `//metrics`, `/metrics/` and `/%6detrics`, which Litestar takes for `/metrics`, are not there.

    So that a proxy's rule for the one address holds. Raises NotFoundException.
    """
    if connection.scope["raw_path"] != connection.scope["path_template"].encode("ascii"):
        raise NotFoundException


class Ready(Protocol):
    """Whether it runs, and how things stand."""

    async def readiness(self) -> Readiness: ...


class Recent:
    """Looks once in so many seconds at most, however many ask: a look is a dozen statements."""

    def __init__(self, health: Ready, seconds: float = LOOK_SECONDS) -> None:
        self._health = health
        self._seconds = seconds
        self._looking = asyncio.Lock()
        self._found = Readiness(database=False)
        self._good_until = float("-inf")

    async def readiness(self) -> Readiness:
        async with self._looking:
            if monotonic() >= self._good_until:
                self._found = await self._health.readiness()
                self._good_until = monotonic() + self._seconds
        return self._found


GivenHealth = NamedDependency[SkipValidation[Ready]]


class LiveView(msgspec.Struct, frozen=True):
    status: Literal["ok"]


class ProjectionCheck(msgspec.Struct, frozen=True):
    """How many facts a read model is behind the ledger; `degraded`: there is one that it could not take."""

    lag: int
    state: Literal["live", "degraded", "lagging"]


class PolicyCheck(msgspec.Struct, frozen=True):
    """How many facts wait for a policy; `degraded`: it has passed over one that could not be read."""

    lag: int
    state: Literal["live", "degraded", "lagging"]


class PlatformCheck(msgspec.Struct, frozen=True):
    """How many things a video platform is still to do, and how many of them were tried in vain."""

    waiting: int
    failing: int


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """`queues` in things that are not done yet; `waits` in seconds since that was due which has waited longest.

    Of the intents the failed ones wait for `streamly intents retry`; of the videos those that could not be made ready
    for a reason of ours wait to be uploaded again or deleted (`error`: `transcoding_failed`).
    `platforms` names those that are still to do something; what is tried in vain is tried again.
    A `process` that is leaving was told to stop, and answers what comes within a second.
    """

    process: Literal["serving", "leaving"]
    database: Literal["ok", "unavailable"]
    projections: dict[str, ProjectionCheck]
    policies: dict[str, PolicyCheck]
    queues: dict[str, int]
    waits: dict[str, float]
    failed_intents: int
    failed_transcodes: int
    platforms: dict[str, PlatformCheck]


class ReadyView(msgspec.Struct, frozen=True):
    """`failing` names all because of which the answer is 503."""

    status: Literal["ok", "degraded", "unavailable"]
    failing: tuple[str, ...]
    checks: Checks


class HealthController(Controller):
    path = "/health"
    tags = ("Operations",)
    guards = (at_this_very_address,)

    @get("/live", operation_id="read_live", summary="The process answers")
    async def live(self) -> LiveView:
        return LiveView("ok")

    live_by_head = its_head(live, "/live")

    @get("/ready", operation_id="read_ready", summary="It can do its work", unready=ReadyView)
    async def ready(self, request: Request[Any, Any, Any], health: GivenHealth) -> Response[ReadyView]:
        """200, or 503 while the database does not answer, a read model or a policy is further behind than it may be, or
        something in a queue has waited for longer than it may.

        503 too once the process was told to stop.

        `degraded` is 200: a read model could not take a fact, or a policy could not read one, and that waits for an
        operator; all else works as ever.
        """
        readiness, leaving = await health.readiness(), LEAVING in request.scope["state"]
        view = _ready_view(readiness, leaving=leaving)
        return Response(view, status_code=503 if view.status == "unavailable" else 200)

    ready_by_head = its_head(ready, "/ready")


def _ready_view(readiness: Readiness, *, leaving: bool) -> ReadyView:
    checks = Checks(
        process="leaving" if leaving else "serving",
        database="ok" if readiness.database else "unavailable",
        projections={
            each.name: ProjectionCheck(each.lag, "lagging" if each.name in readiness.lagging else each.state)
            for each in readiness.read_models
        },
        policies={
            each.name: PolicyCheck(each.lag, "lagging" if each.name in readiness.lagging else each.state)
            for each in readiness.policies
        },
        queues=readiness.queues,
        waits={queue: round(seconds, 1) for queue, seconds in readiness.waits.items()},
        failed_intents=readiness.failed_intents,
        failed_transcodes=readiness.failed_transcodes,
        platforms={each.platform: PlatformCheck(each.waiting, each.failing) for each in readiness.platforms},
    )
    return ReadyView("unavailable" if leaving else readiness.status, _failing(readiness, leaving=leaving), checks)


def _failing(readiness: Readiness, *, leaving: bool) -> tuple[str, ...]:
    """The process and the database, read models and policies by their names, queues with a word before it."""
    whole = [("process", leaving), ("database", not readiness.database)]
    return (
        *(name for name, fails in whole if fails),
        *readiness.lagging,
        *(f"queue of {queue}" for queue in readiness.overdue),
    )
