"""A command in a process of its own, as an operator runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., subprocess.CompletedProcess[str]]
TIMEOUT_SECONDS = 90


def command_on(database: str, folder: Path) -> Run:
    """Runs a command on a database and a data folder; by keyword what is on its input, and more settings."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "entrypoints.cli.main", *arguments],
            env=environment_on(database, folder) | environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    return run


def environment_on(database: str, folder: Path) -> dict[str, str]:
    """What a command finds its database and its data folder by."""
    return {**os.environ, "DATABASE_URL": database, "DATA_DIR": str(folder), "HOME": str(folder)}


def said(done: subprocess.CompletedProcess[str]) -> Any:
    """The JSON that a command printed, which has to have ended well."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
