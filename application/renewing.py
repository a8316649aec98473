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
    renewing = asyncio.create_task(_go_on(renew), name="a lease")
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])


async def _go_on(renew: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            await renew()
        except Unavailable as trouble:
            log.warning("a lease could not be renewed: %s", trouble)
