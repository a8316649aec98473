"""VACUUM, ANALYZE and CREATE INDEX CONCURRENTLY under load: appends go on meanwhile."""

from pathlib import Path

from tests.faults.maintenance import measure


def test_while_tables_are_vacuumed_and_indexed_no_append_waits_for_long(tmp_path: Path) -> None:
    measured = measure(tmp_path, callers=16, facts=50_000, seconds=3)
    assert measured.held, str(measured)
    assert measured.during.rate > measured.without.rate / 4, str(measured)
