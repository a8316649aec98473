"""Schemathesis reads the OpenAPI document and tries everything that it allows, and much that it does not."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
TIMEOUT_SECONDS = 110

# A request may be well formed and refused all the same: by a rule, for want of money, of a signature, of a thing.
CONFIGURATION = """
seed = 20261120
color = false

[generation]
database = "none"
max-examples = 5

[phases.coverage]
unexpected-methods = ["DELETE", "QUERY"]

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "402", "403", "404", "409", "413", "422", "429"]

[[operations]]
include-operation-id = "receive_stripe"
checks.positive_data_acceptance.expected-statuses = ["200", "400"]

# The clock moves for everybody, so it is tried by hand, in test_operations.
[[operations]]
include-operation-id = "move_clock"
enabled = false
"""

# Any guess is well formed, and refused as unknown: these are tried by hand, in test_conventions.
NOT_FOR_GUESSING = {"Ledger-Position", "cursor"}


async def explore(service: Service, folder: Path, ids: dict[str, str], *options: str) -> None:
    """Every check on every operation of the document, whose examples name things that there are."""
    document = (await service.public.get("/schema/openapi.json")).json()
    for operation in (each for item in document["paths"].values() for each in item.values()):
        operation["parameters"] = [
            known(parameter, ids) for parameter in operation["parameters"] if parameter["name"] not in NOT_FOR_GUESSING
        ]
    await anyio.Path(folder / "openapi.json").write_text(json.dumps(document))
    await anyio.Path(folder / "schemathesis.toml").write_text(CONFIGURATION)
    command = [str(SCHEMATHESIS), "run", "openapi.json", f"--url={service.address}", "--checks=all", *options]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            env={"PATH": os.defpath},
        )

    finished = await anyio.to_thread.run_sync(run)

    assert finished.returncode == 0, finished.stdout[-20_000:] + finished.stderr[-2_000:]


def known(parameter: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    return parameter | ({"example": ids[parameter["name"]]} if parameter["name"] in ids else {})


@pytest.fixture(scope="module")
async def ids(service: Service, admin: Person, film: bytes) -> dict[str, str]:
    video = await service.published_video(admin, film, access="free")
    return {"video_id": video["id"], "account_id": str(admin.account_id)}


@pytest.mark.parametrize("phases", ["coverage", "examples,fuzzing,stateful"])
async def test_an_admin_finds_no_hole(
    service: Service, admin: Person, ids: dict[str, str], tmp_path: Path, phases: str
) -> None:
    token = admin.http.headers["Authorization"]

    await explore(service, tmp_path, ids, f"--phases={phases}", "--header", f"Authorization: {token}")


async def test_a_stranger_finds_no_hole(service: Service, ids: dict[str, str], tmp_path: Path) -> None:
    await explore(service, tmp_path, ids, "--phases=examples,fuzzing")
