"""Those who ask are answered while others hold connections: the small form of what `make soak` does with 15,000."""

from pathlib import Path

import pytest

from tests.faults.connections import measure

pytestmark = pytest.mark.anyio


async def test_whoever_asks_is_answered_while_hundreds_hold_connections(tmp_path: Path) -> None:
    measured = await measure(tmp_path, idle=400, slow=200, requests=200)

    assert measured.crowded.failed == 0, measured
    assert measured.crowded.p99 < 1, measured
