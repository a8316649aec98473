"""A short lease is kept while its holder works, through a database that does not answer too."""

import asyncio
from contextlib import nullcontext, suppress

import pytest

from application.errors import DatabaseUnavailable
from application.renewing import LEASE_SECONDS, RENEW_SECONDS, renewed

pytestmark = pytest.mark.anyio


async def test_it_is_renewed_until_its_holder_is_done() -> None:
    renewals = list[float]()
    clock = asyncio.get_running_loop().time

    async def renew() -> None:
        renewals.append(clock())
        if len(renewals) == 1:
            raise DatabaseUnavailable

    async with renewed(renew):
        await asyncio.sleep(2 * RENEW_SECONDS + 0.3)
    await asyncio.sleep(RENEW_SECONDS)

    assert len(renewals) == 2
    assert 2 * RENEW_SECONDS < LEASE_SECONDS


async def test_its_holder_is_let_go_though_the_renewing_misses_that_it_is_cancelled() -> None:
    """As where the pool has a connection for it in that very moment, on Python 3.11."""
    renews = asyncio.Event()

    async def renew() -> None:
        misses = nullcontext() if renews.is_set() else suppress(asyncio.CancelledError)
        renews.set()
        with misses:
            await asyncio.sleep(LEASE_SECONDS)

    async with asyncio.timeout(2 * RENEW_SECONDS), renewed(renew):
        await renews.wait()
