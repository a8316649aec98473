"""The commands of docs/sandbox.md, as they stand there."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.adapters.sandbox.stripe.harness import Sandbox

PAGE = Path(__file__).parents[4] / "docs" / "sandbox.md"
SECONDS = 60

pytestmark = pytest.mark.skipif(not (shutil.which("jq") and shutil.which("curl")), reason="there is no jq or curl here")


def commands_of(chapter: str) -> str:
    """The first block of commands below this heading."""
    found = re.search(rf"^## {chapter}\n.*?^```bash\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_a_subscriptions_life_goes_as_the_page_says_whatever_else_is_due(sandbox: Sandbox) -> None:
    sandbox.subscribe(sandbox.price(interval="week"))

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands_of("A subscription's life in a minute")],
        env={**os.environ, "S": f"{sandbox.base_url}/stripe"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )

    *said, cancelled_at = re.sub(r"\{[^}]*\}", " ", done.stdout).split()  # Controls answer in JSON.
    assert said == ["303", "past_due", "active", "failed", "won", "303"]
    assert int(cancelled_at)
