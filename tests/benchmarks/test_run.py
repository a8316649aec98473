"""The one command runs, at a size that says nothing about speed: what it prints and writes is whole."""

import json
import subprocess
import sys
from typing import Any, NamedTuple

import pytest

from tests.architecture.source import ROOT

NAMES = ("append_16", "project_live", "rebuild", "commit_to_visible", "read_your_writes")
TINY = ("--rounds", "1", "--seconds", "0.05", "--facts", "40")


class Run(NamedTuple):
    """What it printed, and what it wrote."""

    table: str
    report: dict[str, Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    output = tmp_path_factory.mktemp("benchmarks") / "run.json"
    only = [part for name in NAMES for part in ("--only", name)]
    command = [sys.executable, "-W", "error", "-m", "benchmarks", *TINY, *only, "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return Run(done.stdout, json.loads(output.read_bytes()))


def test_every_contest_is_held_between_us_and_the_others(run: Run) -> None:
    others: dict[str, list[str]] = {name: [] for name in NAMES}
    for row in run.report["rows"]:
        others[row["name"]].append(row["what"])

    assert others.pop("append_16") == ["ledger", "ledger, no read model", "library", "pgbench"]
    assert list(others.values()) == [["ledger", "library"]] * 4
    assert all(name in run.table for name in NAMES)


def test_a_row_says_what_it_stands_on(run: Run) -> None:
    assert run.report["machine"]["postgresql"]
    assert len(run.report["machine"]["load"]) == 3
    for row in run.report["rows"]:
        if row["skipped"] is None:
            assert row["rounds"] == len(row["values"]) == 1
            assert 0 < row["min"] <= row["median"] <= row["max"]
            assert 0 < row["ratio_min"] <= row["ratio"] <= row["ratio_max"]


def test_the_first_of_a_contest_is_what_the_others_are_held_against(run: Run) -> None:
    rows = {(row["name"], row["what"]): row for row in run.report["rows"]}
    ours, theirs = rows["project_live", "ledger"], rows["project_live", "library"]
    quick, slow = rows["read_your_writes", "ledger"], rows["read_your_writes", "library"]

    assert theirs["ratio"] == pytest.approx(ours["median"] / theirs["median"], rel=0.01)
    assert slow["ratio"] == pytest.approx(slow["median"] / quick["median"], rel=0.01)
