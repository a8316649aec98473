"""What cannot work is said in one line, with what to do about it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresUnavailable
from adapters.embedded_postgres.binaries import find_binaries
from adapters.embedded_postgres.cluster import Cluster


def refusal(postgres: EmbeddedPostgres) -> str:
    with pytest.raises(EmbeddedPostgresUnavailable) as raised:
        postgres.start()
    [line] = str(raised.value).splitlines()
    return line


@pytest.fixture
def version_file(data_dir: Path) -> Iterator[Path]:
    file = data_dir / "cluster" / "PG_VERSION"
    version = file.read_text()
    yield file
    file.write_text(version)


def test_a_folder_made_by_another_major_version(data_dir: Path, version_file: Path) -> None:
    version_file.write_text("14\n")
    line = refusal(EmbeddedPostgres(data_dir))
    assert "the data folder was made by PostgreSQL 14, and here is only 18" in line
    assert "STREAMLY_PG_BIN" in line


def test_a_folder_that_the_named_binaries_cannot_open(data_dir: Path) -> None:
    older = find_binaries(None, made_by=16)
    line = refusal(EmbeddedPostgres(data_dir, bin_dir=older.bin_dir))
    assert "the data folder was made by PostgreSQL 18, and here is only 16" in line


@pytest.mark.parametrize("content", ["", "eighteen"])
def test_a_damaged_version_file(data_dir: Path, version_file: Path, content: str) -> None:
    version_file.write_text(content)
    assert "its file PG_VERSION is absent or holds no number" in refusal(EmbeddedPostgres(data_dir))


def test_a_damaged_cluster_is_told_in_the_words_of_its_log(data_dir: Path) -> None:
    control = data_dir / "cluster" / "global" / "pg_control"
    content = control.read_bytes()
    control.write_bytes(b"")
    line = refusal(EmbeddedPostgres(data_dir))
    control.write_bytes(content)
    assert "its log says: PANIC: could not read file" in line.replace("  ", " ")


def test_a_bin_folder_without_postgresql(tmp_path: Path) -> None:
    line = refusal(EmbeddedPostgres(tmp_path / "postgres", bin_dir=tmp_path))
    assert f"there is no PostgreSQL 15 to 18 that runs here in {tmp_path}" in line


def test_a_place_where_no_folder_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in refusal(EmbeddedPostgres(tmp_path / "file" / "postgres"))


def test_a_folder_that_another_holds_without_answering(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.embedded_postgres.supervisor.START_TIMEOUT_SECONDS", 0.2)
    with Cluster(data_dir).lock() as held:
        assert held
        line = refusal(EmbeddedPostgres(data_dir))
    assert "it accepts no connection after" in line


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="root alone can mount a small disk")
def test_a_full_disk(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        fill_and_free(tmp_path)
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def fill_and_free(disk: Path) -> None:
    postgres = EmbeddedPostgres(disk / "postgres")
    dsn = postgres.start()
    postgres.stop()
    subprocess.run(["dd", "if=/dev/zero", f"of={disk}/filler", "bs=1M"], capture_output=True, check=False)
    line = refusal(postgres)
    assert "0 MB are free there" in line
    assert "No space left on device" in line
    (disk / "filler").unlink()
    assert postgres.start() == dsn
    postgres.stop()
