"""The service on one and on two API processes: both run for as long as the cases do."""

import sys
from collections.abc import AsyncIterator, Iterator
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
) -> Iterator[dict[int, Installation]]:
    """By the count of their API processes. They start together, and stop together when the last case is over."""
    running: dict[int, Installation] = {}
    with ExitStack() as stack:
        for count in PROCESSES.values():
            dsn = databases.clone(template_database)
            stack.callback(databases.drop, dsn)
            begun = installed(dsn, tmp_path_factory.mktemp("service"), api_processes=count)
            running[count] = stack.enter_context(begun)
        for each in running.values():
            stack.callback(each.serve.terminate)
        for each in running.values():
            each.wait_until_ready()
        yield running


@pytest.fixture(params=list(PROCESSES.values()), ids=list(PROCESSES))
async def service(request: Any, installations: dict[int, Installation]) -> AsyncIterator[Service]:
    async with visiting(installations[request.param]) as service:
        yield service
