"""The one command runs every contest, at a size that says nothing about speed: what it prints and writes is whole."""

import json
import subprocess
import sys
from typing import Any, NamedTuple

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.bar import BARS
from benchmarks.serving import ABSENT
from tests.architecture.source import ROOT

# Of the four sizes of the one contest the two that have somebody more in them; playback and the catalogue take a dozen
# servers, and segments and transcoding a film.
LEFT_OUT = {"append_1", "append_16", "playback", "playback_growth", "catalogue", "segments", "transcoding"}
TINY = ("--rounds", "1", "--seconds", "0.05", "--facts", "400")

FIELDS = {"name", "ratio", "low", "high", "ours", "theirs", "unit"}


class Run(NamedTuple):
    """What it printed, and what it wrote."""

    table: str
    report: dict[str, Any]

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """But for those that want .venv-peers, which `make test` makes and pytest alone does not."""
        rows = {row["name"]: row for row in self.report["rows"]}
        if ABSENT:
            assert rows.pop("ingest_vs_fastapi")["skipped"] == ABSENT
        return rows


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    output = tmp_path_factory.mktemp("benchmarks") / "run.json"
    only = [part for name in BENCHMARKS if name not in LEFT_OUT for part in ("--only", name)]
    command = [sys.executable, "-W", "error", "-m", "benchmarks", *TINY, *only, "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    return Run(done.stdout, json.loads(output.read_bytes()))


def test_every_row_that_has_a_bar_is_there(run: Run) -> None:
    left_out = {name.replace("append_", "append_vs_library_") for name in LEFT_OUT}
    barred = {name for name in BARS if not name.startswith(("playback_", "catalogue_", "hls_", "ladder_"))}

    assert barred - left_out - ({"ingest_vs_fastapi"} if ABSENT else set()) <= set(run.rows)
    assert all(name in run.table for name in run.rows)


def test_a_row_is_what_programs_expect(run: Run) -> None:
    for row in run.rows.values():
        assert set(row) == FIELDS, row
        assert 0 <= row["low"] <= row["ratio"] <= row["high"]


def test_a_ratio_is_ours_by_theirs_and_where_nobody_else_is_measured_our_figure(run: Run) -> None:
    for row in run.rows.values():
        expected = row["ours"] if row["theirs"] is None else row["ours"] / row["theirs"]
        assert row["ratio"] == pytest.approx(expected, rel=0.01), row["name"]

    alone = {name for name, row in run.rows.items() if row["theirs"] is None}
    assert {"rebuild_10m_rss_mib", "lag_p99_ms"} <= alone


def test_it_says_what_was_measured_on_what(run: Run) -> None:
    settings = run.report["machine"]["settings"]

    assert settings["fsync"] == settings["synchronous_commit"] == "on"
    assert run.report["machine"]["postgresql"]
    assert run.report["options"]["facts"] == 400
    assert "1M STANDS FOR 400 FACTS" in run.table
