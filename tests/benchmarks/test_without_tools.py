"""What is missing on a machine is said, not stumbled over."""

from pathlib import Path

import pytest

from benchmarks.pgbench import pgbench
from benchmarks.workbench import Workbench


def bench(folder: Path, bin_dir: Path) -> Workbench:
    return Workbench("", folder, bin_dir)


def test_without_pgbench_the_contestant_is_absent(tmp_path: Path) -> None:
    contestant = pgbench(bench(tmp_path, tmp_path), "pgbench", callers=256, streams=1_000, seconds=1)

    assert contestant.absent == "the PostgreSQL that is used here comes without pgbench"


@pytest.mark.parametrize(("facts", "enough"), [(1_000, True), (10**12, False)])
def test_a_ledger_for_which_the_disk_is_too_small_is_not_begun(tmp_path: Path, facts: int, *, enough: bool) -> None:
    why = bench(tmp_path, tmp_path).lacks_room_for(facts)

    assert (why == "") is enough
    assert enough or "are free" in why
