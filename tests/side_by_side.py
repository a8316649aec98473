"""How the tests are shared out among the processes of `pytest -n`; it changes nothing of what they show."""

from pathlib import Path

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]  # it has no types
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

HERE = Path(__file__).parent
LONGEST = (
    "abuse",
    "cli/test_history.py",
    "lives",
    "stripe_cases",
    "cli",
    "http/test_erasure.py",
    "http/test_schemathesis.py",
)
TOGETHER = "tests/abuse/"
"""Tests that share what takes long to start, so that one process should run them all."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # see above
    """The tests of a file stay together, and those of that folder."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(TOGETHER) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that nobody waits for it at the end."""

    def rank(item: pytest.Item) -> int:
        return next((n for n, place in enumerate(LONGEST) if item.path.is_relative_to(HERE / place)), len(LONGEST))

    items.sort(key=rank)
