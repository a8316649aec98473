"""From an empty folder to a database that answers, in any folder, and back."""

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresUnavailable
from adapters.embedded_postgres.binaries import SUPPORTED_MAJORS, find_binaries
from adapters.embedded_postgres.cluster import Cluster
from tests.adapters.embedded_postgres.programs import alone, running

DEEP = "a-folder-with-a-rather-long-name/" * 8


def one_value(dsn: str, query: str) -> object:
    with psycopg.connect(dsn, connect_timeout=5) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row
    return row[0]


def test_an_empty_folder_is_a_database_within_two_seconds(tmp_path: Path) -> None:
    began = time.perf_counter()
    with running(tmp_path / "var" / "postgres") as dsn:
        assert one_value(dsn, "SELECT current_database()") == "streamly"
        assert time.perf_counter() - began < alone(2)


def test_what_was_written_is_there_after_a_stop_and_a_start(postgres: EmbeddedPostgres) -> None:
    dsn = postgres.start()
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE videos AS SELECT 'Nosferatu' AS title")
    postgres.stop()
    postgres.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)

    assert postgres.start() == dsn
    assert one_value(dsn, "SELECT title FROM videos") == "Nosferatu"


@pytest.mark.parametrize(("durable", "expected"), [(True, "on"), (False, "off")])
def test_it_is_as_durable_as_asked(data_dir: Path, *, durable: bool, expected: str) -> None:
    with running(data_dir, durable=durable) as dsn:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert one_value(dsn, f"SELECT current_setting('{name}')") == expected


def test_settings_that_are_given_take_the_place_of_the_laptops_but_for_where_it_is_reached(data_dir: Path) -> None:
    settings = ("shared_buffers=16MB", "unix_socket_directories=/tmp")
    with running(data_dir, settings=settings) as dsn:
        assert one_value(dsn, "SELECT current_setting('shared_buffers')") == "16MB"


def test_nobody_else_can_reach_it(data_dir: Path, postgres: EmbeddedPostgres) -> None:
    dsn = postgres.start()
    assert one_value(dsn, "SELECT current_setting('listen_addresses')") == ""
    socket = data_dir / "cluster" / ".s.PGSQL.5432"
    assert [oct(place.stat().st_mode & 0o777) for place in (socket, socket.parent)] == ["0o700", "0o700"]


def test_threads_and_objects_that_start_at_once_get_one_server_and_only_its_starter_stops_it(tmp_path: Path) -> None:
    shared = [EmbeddedPostgres(tmp_path, durable=False, database=name) for name in ("ledger", "ledger", "vault")]
    with ThreadPoolExecutor(6) as threads:
        dsns = list(threads.map(EmbeddedPostgres.start, shared * 2))
    assert len({one_value(dsn, "SELECT pg_postmaster_start_time()") for dsn in dsns}) == 1
    assert [one_value(dsn, "SELECT current_database()") for dsn in dsns] == ["ledger", "ledger", "vault"] * 2

    [starter] = [each for each in shared if each._server]
    for other in shared:
        if other is not starter:
            other.stop()
    assert one_value(dsns[0], "SELECT 1") == 1
    starter.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsns[0])


def test_the_server_outlives_the_thread_that_asked_for_it(postgres: EmbeddedPostgres) -> None:
    asking = Thread(target=postgres.start)
    asking.start()
    asking.join()
    time.sleep(0.3)
    assert one_value(postgres.ensure(), "SELECT now() - pg_postmaster_start_time() > '0.3 s'") is True


@pytest.mark.parametrize("name", [DEEP, "O'Hara's \"best\", new & ünïcode %41 \\ films"], ids=["deep", "odd"])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    with running(folder, durable=False) as dsn, running(folder) as joined:
        assert joined == dsn
        assert one_value(dsn, "SELECT current_setting('data_directory')") == str((folder / "cluster").resolve())
    shutil.rmtree(Cluster(folder).socket_dir)


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can make what a stranger would")
def test_a_folder_that_a_stranger_has_put_in_tmp_is_not_trusted(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / DEEP)
    cluster.folder.mkdir(parents=True)
    cluster.socket_dir.mkdir()
    assert cluster.socket_is_ours()
    os.chown(cluster.socket_dir, 54_321, 54_321)
    assert not cluster.socket_is_ours()
    cluster.socket_dir.rmdir()


def test_a_relative_folder_means_the_same_after_a_change_of_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    postgres = EmbeddedPostgres(Path("var/postgres"), durable=False)
    monkeypatch.chdir("/")
    postgres.start()
    postgres.stop()
    assert (tmp_path / "var" / "postgres" / "cluster" / "PG_VERSION").exists()


def test_the_environment_does_not_lead_it_astray(postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "1", "PGDATA": "/nowhere", "LC_ALL": "xx_XX.UTF-8", "LANG": "de_DE"}.items():
        monkeypatch.setenv(name, value)
    assert one_value(postgres.start(), "SELECT current_setting('port')") == "5432"


def test_a_server_that_has_no_connection_to_spare_is_not_taken_for_dead(postgres: EmbeddedPostgres) -> None:
    dsn = postgres.start()
    with ExitStack() as connections:
        for _ in range(100):
            connections.enter_context(psycopg.connect(dsn, connect_timeout=5))
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            psycopg.connect(dsn, connect_timeout=5)
        assert postgres.ensure() == dsn


@pytest.mark.parametrize("major", SUPPORTED_MAJORS)
def test_every_supported_version_runs_and_goes_on_with_its_own_folder(tmp_path: Path, major: int) -> None:
    try:
        binaries = find_binaries(None, made_by=major)
    except EmbeddedPostgresUnavailable as error:
        pytest.skip(str(error))
    for bin_dir in (binaries.bin_dir, None):
        with running(tmp_path, durable=False, bin_dir=bin_dir) as dsn:
            assert str(one_value(dsn, "SELECT current_setting('server_version_num')")).startswith(str(major))
            assert one_value(dsn, "SELECT lower('ŠÉ')") == "šé"
            assert one_value(dsn, "SELECT current_setting('data_checksums')") == "on"


def test_the_log_has_a_limit(data_dir: Path, postgres: EmbeddedPostgres) -> None:
    log = data_dir / "postgres.log"
    log.touch()
    os.truncate(log, 10_000_001)
    postgres.start()
    assert log.stat().st_size < 10_000
    assert log.with_name("postgres.log.1").stat().st_size == 10_000_001
