"""The simulated Stripe as a part of the sandbox server: its routes, and what runs beside them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import HTTPException

from adapters.sandbox.simulator import Simulator
from adapters.sandbox.stripe.controls import controls
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.hosted import HostedPages
from adapters.sandbox.stripe.portal import Portal
from adapters.sandbox.stripe.rest import refuse, refuse_in_their_shape, rest_api
from adapters.sandbox.stripe.simulation import Simulation


def stripe_simulator(
    *,
    store_path: Path,
    public_url: str,
    webhook_url: str | None,
    webhook_secret: str,
    clock: Callable[[], datetime],
) -> Simulator:
    """Everything below `/stripe`.

    `store_path` is the SQLite file that outlives restarts; `public_url` the address of the sandbox server, without
    `/stripe`; `webhook_url` where events go, signed with `webhook_secret` (None: nowhere); `clock` the business time.
    Its `lifespan` opens the file and delivers events until it is left; `create_sandbox_app` enters it.
    """
    simulation = Simulation(
        store_path=store_path,
        public_url=public_url,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        clock=clock,
    )

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with simulation.running():
            yield

    return Simulator(
        path="/stripe",
        route_handlers=[rest_api, HostedPages, Portal, controls],
        dependencies={"simulation": Provide(lambda: simulation, sync_to_thread=False)},
        exception_handlers={StripeRefusal: refuse, HTTPException: refuse_in_their_shape},
        lifespan=lifespan,
    )
