"""A lease that is kept while its holder lives, so that it may be short: whoever is killed is missed soon."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from application.errors import Unavailable

log = logging.getLogger(__name__)

LEASE_SECONDS = 5.0
RENEW_SECONDS = 1.5
"""Three times before it is over."""


@asynccontextmanager
async def renewed(renew: Callable[[], Awaitable[object]]) -> AsyncGenerator[None]:
    """Renew it now and then while the block runs. One that cannot be renewed is over: a fence must see to the rest."""
    over = asyncio.Event()
    renewing = asyncio.create_task(_go_on(renew, over), name="a lease")
    try:
        yield
    finally:
        # On Python 3.11 a wait for a connection may miss that it is cancelled; then it ends before the next one.
        over.set()
        renewing.cancel()
        await asyncio.wait([renewing])


async def _go_on(renew: Callable[[], Awaitable[object]], over: asyncio.Event) -> None:
    while not over.is_set():
        await asyncio.sleep(RENEW_SECONDS)
        try:
            await renew()
        except Unavailable as trouble:
            log.warning("a lease could not be renewed: %s", trouble)
