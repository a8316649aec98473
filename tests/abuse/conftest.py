"""The service on one and on two API processes: each is started once for all the cases of a test process."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.abuse.installation import Installation, installed
from tests.abuse.running import Service, visiting
from tests.postgres import Databases

PROCESSES = {"on one process": 1, "on two processes": 2}

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]  # They come from many addresses, and look into /proc.


@pytest.fixture(scope="session")
def installations(
    databases: Databases, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[int], Installation]]:
    """Started when they are asked for, and kept: the cases of one file alternate between them."""
    running: dict[int, Installation] = {}
    with ExitStack() as stack:

        def started(count: int) -> Installation:
            if count not in running:
                dsn = databases.clone(template_database)
                stack.callback(databases.drop, dsn)
                folder = tmp_path_factory.mktemp("service")
                running[count] = stack.enter_context(installed(dsn, folder, api_processes=count))
            return running[count]

        yield started


@pytest.fixture(params=list(PROCESSES.values()), ids=list(PROCESSES))
async def service(request: Any, installations: Callable[[int], Installation]) -> AsyncIterator[Service]:
    async with visiting(installations(request.param)) as service:
        yield service
