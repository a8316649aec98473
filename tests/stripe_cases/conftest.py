"""The shop that most cases are played in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stripe_cases.case import told
from tests.stripe_cases.shop import Shop, running_shop


@pytest.fixture(scope="module")
async def shop(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """Of the usual policy, shared by the runs of one module: each brings ids of its own."""
    case = told("001", run="r0")
    folder: Path = tmp_path_factory.mktemp("shop")
    async with running_shop(module_database, folder, case.catalog, case.policy) as shop:
        yield shop
