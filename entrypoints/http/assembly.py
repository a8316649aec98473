"""Litestar with everything that all its routes share; what is served is given."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from application.ports.idempotency import KeptAnswers
from entrypoints.http.authentication import WhoIs, provide_asked, provide_cause, provide_viewer
from entrypoints.http.before import before_handling
from entrypoints.http.bodies import BODY_BYTES_MAX, JsonRequest
from entrypoints.http.docs import docs_router
from entrypoints.http.idempotency import KEY_HEADER, REPLAYED_HEADER
from entrypoints.http.metrics import Observed
from entrypoints.http.middleware import NOTHING_AHEAD, Ahead, surround
from entrypoints.http.openapi import openapi_config
from entrypoints.http.positions import Wait
from entrypoints.http.problems import POSITION_HEADER, answer_exception
from entrypoints.http.throttled import LIMIT, REMAINING, RESET, Gate
from entrypoints.http.tus import TUS_ASKED, TUS_SAID

CORS_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
CORS_HEADERS = ["Authorization", "Content-Type", KEY_HEADER, POSITION_HEADER, "X-Request-ID", *TUS_ASKED]
CORS_EXPOSED = [
    *(POSITION_HEADER, "X-Request-ID", "Retry-After", REPLAYED_HEADER, LIMIT, REMAINING, RESET),
    *TUS_SAID,
]


def assemble(
    *,
    versioned: Sequence[ControllerRouterHandler],
    beside: Sequence[ControllerRouterHandler] = (),
    provided: Mapping[str, object],
    who_is: WhoIs,
    wait_for: Wait,
    throttling: Gate,
    kept_answers: KeptAnswers,
    observed: Observed,
    cors_origins: Sequence[str] = (),
    ahead: Ahead = NOTHING_AHEAD,
) -> Litestar:
    """An application: `versioned` under /v1, `beside` at the root, `provided` injected by name into handlers.

    Litestar's own logging is left off: it would log bodies, and turn on the loggers of libraries.
    """
    app = Litestar(
        route_handlers=[
            Router("/v1", route_handlers=versioned, before_request=before_handling),
            *beside,
            docs_router,
        ],
        dependencies={
            "viewer": Provide(provide_viewer, sync_to_thread=False),
            "asked": Provide(provide_asked, sync_to_thread=False),
            "cause": Provide(provide_cause, sync_to_thread=False),
            **{name: _given(value) for name, value in provided.items()},
        },
        state=State(
            {"who_is": who_is, "wait_for_position": wait_for, "throttling": throttling, "kept_answers": kept_answers}
        ),
        request_class=JsonRequest,
        request_max_body_size=BODY_BYTES_MAX,
        exception_handlers={Exception: answer_exception},
        openapi_config=openapi_config(version("streamly")),
        cors_config=_cors(cors_origins),
        logging_config=None,
        debug=False,
    )
    surround(app, ahead, observed)
    return app


def _given(value: object) -> Provide:
    def provide() -> Any:
        return value

    return Provide(provide, sync_to_thread=False)


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    """Only for pages of these origins; tokens go in a header, so no credentials are sent along."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=list(CORS_METHODS),  # type: ignore[arg-type]  # its Literal of methods
        allow_headers=CORS_HEADERS,
        expose_headers=CORS_EXPOSED,
    )
