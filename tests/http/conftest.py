"""A client of the tiny application."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.http.small_app import client_of, small_app


@pytest.fixture
async def small() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(small_app()) as client:
        yield client
