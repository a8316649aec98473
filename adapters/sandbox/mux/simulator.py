"""The simulated Mux as a part of the sandbox server: its routes, and what runs beside them."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from jwt.algorithms import RSAAlgorithm
from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import HTTPException

from adapters.sandbox.mux.api import rest_api, take_bytes
from adapters.sandbox.mux.controls import controls
from adapters.sandbox.mux.errors import MuxRefusal, refuse, refuse_a_control, refuse_in_their_shape
from adapters.sandbox.mux.screens import screens
from adapters.sandbox.mux.simulation import MuxSimulation
from adapters.sandbox.simulator import Simulator
from adapters.sandbox.stripe.errors import StripeRefusal

PATH = "/mux"


def mux_simulator(
    *,
    store_path: Path,
    public_url: str,
    webhook_url: str | None,
    webhook_secret: str,
    signing_private_key: str,
    clock: Callable[[], datetime],
) -> Simulator:
    """Everything below `/mux`.

    `store_path` is the SQLite file that outlives restarts; `public_url` the address of the sandbox server, without
    `/mux`; `webhook_url` where events go, signed with `webhook_secret` (None: nowhere); `signing_private_key` the one
    by which tokens are signed, as Mux shows it (base64 of a PEM); `clock` the business time.
    """
    simulation = MuxSimulation(
        store_path=store_path,
        base=f"{public_url.rstrip('/')}{PATH}",
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        clock=clock,
    )
    public_key = _public_half(signing_private_key)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        app.state["mux"] = simulation
        async with simulation.running():
            yield

    return Simulator(
        path=PATH,
        route_handlers=[rest_api, take_bytes, screens, controls],
        dependencies={
            "simulation": Provide(lambda: simulation, sync_to_thread=False),
            "public_key": Provide(lambda: public_key, sync_to_thread=False),
        },
        exception_handlers={
            MuxRefusal: refuse,
            StripeRefusal: refuse_a_control,
            HTTPException: refuse_in_their_shape,
        },
        lifespan=lifespan,
    )


def _public_half(private_key: str) -> Any:
    key: Any = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(base64.b64decode(private_key))
    return key.public_key()
