"""The command line, on a database of its own."""

from pathlib import Path

import pytest

from tests.cli.running import Run, command_on


@pytest.fixture
def streamly(database: str, tmp_path: Path) -> Run:
    """Runs a command on a database and a data folder of its own."""
    return command_on(database, tmp_path)
