"""A command in a process of its own, as an operator runs it; forked, since a start would take the most of its time."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli import loaded

Run = Callable[..., subprocess.CompletedProcess[str]]


def command_on(database: str, folder: Path) -> Run:
    """Runs a command on a database and a data folder; by keyword what is on its input, and more settings."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return loaded.run(arguments, environment_on(database, folder) | environment, stdin)

    return run


def environment_on(database: str, folder: Path) -> dict[str, str]:
    """What a command finds its database and its data folder by."""
    return {**os.environ, "DATABASE_URL": database, "DATA_DIR": str(folder), "HOME": str(folder)}


def said(done: subprocess.CompletedProcess[str]) -> Any:
    """The JSON that a command printed, which has to have ended well."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
