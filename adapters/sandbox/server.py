"""The sandbox server: the simulated providers under one roof, for development and tests only."""

import logging
from collections.abc import Sequence

from litestar import Litestar, get
from litestar.exceptions import HTTPException
from litestar.types import Scope

from adapters.sandbox.simulator import Simulator

log = logging.getLogger(__name__)


def create_sandbox_app(simulators: Sequence[Simulator]) -> Litestar:
    """Mounts each simulator at its own path, runs their lifespans, and answers `GET /health` with what is there."""
    names = [simulator.path.strip("/") for simulator in simulators]

    @get("/health")
    async def health() -> dict[str, object]:
        return {"status": "ok", "simulators": names}

    return Litestar(
        route_handlers=[health, *simulators],
        after_exception=[_report],
        lifespan=[simulator.lifespan for simulator in simulators],
        openapi_config=None,
        logging_config=None,
    )


def _report(error: Exception, scope: Scope) -> None:
    """What nobody foresaw is answered with 500, and must be findable."""
    if not isinstance(error, HTTPException):
        log.error("The sandbox failed at %s.", scope["path"], exc_info=error)
