"""The sandbox server: the simulated providers under one roof, for development and tests only."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.exceptions import HTTPException
from litestar.exceptions.responses import create_exception_response
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
        after_exception=[_reporting(simulators)],
        exception_handlers={HTTPException: _refusing(simulators)},
        lifespan=[simulator.lifespan for simulator in simulators],
        openapi_config=None,
        logging_config=None,
    )


def _refusing(simulators: Sequence[Simulator]) -> Callable[[Request[Any, Any, Any], HTTPException], Response[Any]]:
    """An address or a method that there is not belongs to no route: whose path it is below says how it is refused."""

    def refuse(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
        for simulator in simulators:
            if f"{request.url.path}/".startswith(f"{simulator.path.rstrip('/')}/"):
                in_their_shape = simulator.exception_handlers.get(HTTPException)
                if in_their_shape is not None:
                    return in_their_shape(request, error)
        return create_exception_response(request, error)

    return refuse


def _reporting(simulators: Sequence[Simulator]) -> Callable[[Exception, Scope], None]:
    """What nobody foresaw is answered with 500, and must be findable; a simulator's refusals are ordinary answers."""
    handled = [kind for one in simulators for kind in one.exception_handlers]
    foreseen: tuple[type[Exception], ...] = (HTTPException, *(kind for kind in handled if not isinstance(kind, int)))

    def report(error: Exception, scope: Scope) -> None:
        if not isinstance(error, foreseen):
            log.error("The sandbox failed at %s.", scope["path"], exc_info=error)

    return report
