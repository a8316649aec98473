"""Schemathesis reads the OpenAPI document and tries everything that it allows, and much that it does not."""

import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from tests.http.described import Described, operations
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
max-examples = 2

[phases.coverage]
unexpected-methods = ["DELETE", "QUERY"]

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "402", "403", "404", "409", "413", "422", "429"]

[phases.stateful]
max-steps = 40
generation.max-examples = EXAMPLES
inference.algorithms = []

# It follows links with `cursor` and `Ledger-Position`; any guess at those is well formed, and refused as unknown.
[phases.stateful.checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401", "402", "403", "404", "409", "413", "422", "429"]

# So is a guess at them that is too long for any address.
[phases.stateful.checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "409", "413", "414", "415", "422", "429", "5xx"]

[[operations]]
include-operation-id = "receive_stripe"
checks.positive_data_acceptance.expected-statuses = ["200", "400"]

# Whoever speaks another version of tus is told so in its own status.
[[operations]]
include-operation-id = "look_at_upload"
checks.negative_data_rejection.expected-statuses = ["400", "403", "404", "405", "412"]
checks.missing_required_header.expected-statuses = ["412"]

[[operations]]
include-operation-id = "drop_upload"
checks.negative_data_rejection.expected-statuses = ["400", "403", "404", "405", "412"]
checks.missing_required_header.expected-statuses = ["412"]

# A media type that it cannot write: tried by hand, in test_resumable_uploads.
[[operations]]
include-operation-id = "send_piece"
enabled = false

# The clock moves for everybody, so it is tried by hand, in test_operations.
[[operations]]
include-operation-id = "move_clock"
enabled = false
"""

# Any guess is well formed, and refused as unknown: these are tried by hand, in test_conventions, and by links.
NOT_FOR_GUESSING = {"Ledger-Position", "cursor"}

# What OpenAPI's expressions cannot say.
TOKEN_OF_UPLOAD = "$response.body#/upload/url#regex:/uploads/([^/]+)/"

BY_THEMSELVES, BY_LINKS = "--phases=examples,coverage,fuzzing", "--phases=stateful"
CASES_MIN, CASES_BY_LINKS_MIN = 2_000, 100
OTHER_SESSIONS = 5
LINKED_EXAMPLES, OF_A_VIEWER = 60, 8


async def explore(
    service: Service, folder: Path, document: Described, *options: str, examples: int = LINKED_EXAMPLES
) -> int:
    """How many requests it made: every check on every operation of the document."""
    await anyio.Path(folder / "openapi.json").write_text(json.dumps(document))
    await anyio.Path(folder / "schemathesis.toml").write_text(CONFIGURATION.replace("EXAMPLES", str(examples)))
    command = [str(SCHEMATHESIS), "run", "openapi.json", f"--url={service.address}", "--checks=all", *options]
    command.append("--report-json-path=report.json")

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
    generated: int = json.loads(await anyio.Path(folder / "report.json").read_text())["test_cases"]["generated"]
    return generated


def to_guess_at(document: Described, ids: dict[str, str]) -> Described:
    """The document whose examples name things that there are, without what cannot be guessed."""
    document = deepcopy(document)
    for _, operation in operations(document):
        operation["parameters"] = [
            known(parameter, ids) for parameter in operation["parameters"] if parameter["name"] not in NOT_FOR_GUESSING
        ]
    return document


def to_follow(document: Described) -> Described:
    """The document whose links can be followed by a machine, and do not end the newest session, which follows them."""
    document, links = deepcopy(document), {}
    for name, operation in operations(document):
        links[name] = links_of(operation)
        operation["responses"].setdefault("414", {"description": "As any address may answer."})
    links["POST /v1/admin/videos"]["upload_video"]["parameters"]["token"] = TOKEN_OF_UPLOAD
    links["GET /v1/me/sessions"]["end_my_session"]["parameters"]["session_id"] = "$response.body#/items/1/id"
    return document


def links_of(operation: Described) -> Described:
    return next(answer.get("links", {}) for status, answer in operation["responses"].items() if status < "300")


def known(parameter: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    return parameter | ({"example": ids[parameter["name"]]} if parameter["name"] in ids else {})


@pytest.fixture(scope="module")
async def ids(service: Service, admin: Person, film: bytes) -> dict[str, str]:
    video = await service.published_video(admin, film, access="free")
    return {"video_id": video["id"], "account_id": str(admin.account_id)}


@pytest.fixture
async def document(service: Service) -> Described:
    """As anybody gets it."""
    served: Described = (await service.public.get("/schema/openapi.json")).json()
    return served


async def test_an_admin_finds_no_hole(
    service: Service, admin: Person, ids: dict[str, str], document: Described, tmp_path: Path
) -> None:
    """Each request by itself, then one after the other, as the document's links say."""
    for _ in range(OTHER_SESSIONS):
        await service.house.signing_in.open_session(admin.account_id)
    tokens = await service.house.signing_in.open_session(admin.account_id)
    signed_in = ("--header", f"Authorization: Bearer {tokens.access_token}")

    alone = await explore(service, tmp_path, to_guess_at(document, ids), BY_THEMSELVES, *signed_in)
    linked = await explore(service, tmp_path, to_follow(document), BY_LINKS, *signed_in)

    assert alone + linked >= CASES_MIN
    assert linked >= CASES_BY_LINKS_MIN


async def test_a_viewer_finds_no_hole(service: Service, anna: Person, document: Described, tmp_path: Path) -> None:
    """As the links say; most of what they lead to is for others."""
    for _ in range(OTHER_SESSIONS):
        await service.house.signing_in.open_session(anna.account_id)
    tokens = await service.house.signing_in.open_session(anna.account_id)
    signed_in = ("--header", f"Authorization: Bearer {tokens.access_token}")

    linked = await explore(service, tmp_path, to_follow(document), BY_LINKS, *signed_in, examples=OF_A_VIEWER)

    assert linked >= CASES_BY_LINKS_MIN


async def test_a_stranger_finds_no_hole(
    service: Service, ids: dict[str, str], document: Described, tmp_path: Path
) -> None:
    await explore(service, tmp_path, to_guess_at(document, ids), "--phases=examples,fuzzing")
