"""How much is loaded before a command can begin."""

import subprocess
import sys

import pytest

WEB = ("litestar", "uvicorn", "entrypoints.http.app", "adapters.sandbox.server")
SDKS = ("mux_python",)
"""Loaded with the first question to whose they are."""
LOOK = """
import sys
from entrypoints.cli.main import main

main.get_command(None, sys.argv[1])
print(*[name for name in sys.argv[2:] if name in sys.modules])
"""


def loaded_by(command: str) -> set[str]:
    look = [sys.executable, "-c", LOOK, command, *WEB, *SDKS]
    return set(subprocess.run(look, check=True, capture_output=True, text=True, timeout=60).stdout.split())


@pytest.mark.parametrize("command", ["serve", "worker", "accounts", "audit"])
def test_who_answers_no_requests_loads_nothing_of_the_web(command: str) -> None:
    assert loaded_by(command) == set()


def test_who_answers_them_loads_it() -> None:
    assert loaded_by("api") == {"litestar", "uvicorn", "entrypoints.http.app"}
