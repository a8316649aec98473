"""A client of the tiny application."""

from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar

from tests.http.small_app import client_of, small_app


@pytest.fixture(scope="session")
def small_application() -> Litestar:
    return small_app()


@pytest.fixture
async def small(small_application: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(small_application) as client:
        yield client
