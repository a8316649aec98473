"""Whoever is killed, no server stays behind, nothing that was acknowledged is lost, and the others go on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import psycopg
import pytest

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.embedded_postgres.binaries import find_binaries
from adapters.embedded_postgres.identity import take_over
from tests.adapters.embedded_postgres.programs import acknowledged, alone, committing, kill_9, processes_in, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes by /proc")


def seconds_until(true: Callable[[], bool], *, limit_seconds: float) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < limit_seconds
        time.sleep(0.02)
    return time.monotonic() - began


def numbers_in(dsn: str) -> set[int]:
    with psycopg.connect(dsn, connect_timeout=5) as connection:
        return {number for (number,) in connection.execute("SELECT number FROM acknowledged")}


def answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_killed_parent_leaves_no_server_and_loses_no_commit(data_dir: Path, postgres: EmbeddedPostgres) -> None:
    with committing(data_dir) as program:
        printed = acknowledged(program, at_least=200)
        with psycopg.connect(postgres.start()):  # the server does not wait until everybody has hung up
            printed += kill_9(program)
            seconds_until(lambda: not processes_in(data_dir), limit_seconds=alone(3))
    assert set(printed) <= numbers_in(postgres.start())


@pytest.mark.anyio
async def test_who_shares_the_folder_has_its_database_back_within_two_seconds(
    data_dir: Path, postgres: EmbeddedPostgres
) -> None:
    with committing(data_dir) as program:
        printed = acknowledged(program, at_least=50)
        dsn = postgres.start()
        assert set(printed) <= numbers_in(dsn)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(postgres.watch)
            await anyio.sleep(0.1)
            printed += kill_9(program)
            with anyio.fail_after(alone(2)):
                while processes_in(data_dir)[:1] == [program.pid] or not answers(dsn):
                    await anyio.sleep(0.02)
            tasks.cancel_scope.cancel()
    assert set(printed) <= numbers_in(dsn)


def test_a_killed_postmaster_is_replaced_although_its_backends_linger(
    data_dir: Path, postgres: EmbeddedPostgres
) -> None:
    dsn = postgres.start()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS rentals (customer text)")
        connection.execute("INSERT INTO rentals VALUES ('Ada')")
        os.kill(int((data_dir / "cluster" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        assert postgres.ensure() == dsn
        with psycopg.connect(dsn) as again:
            assert again.execute("SELECT customer FROM rentals").fetchall() == [("Ada",)]


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(data_dir: Path, postgres: EmbeddedPostgres) -> None:
    postgres.start()
    assert os.getsid(0) not in {os.getsid(pid) for pid in processes_in(data_dir)}


def test_a_pid_file_that_names_a_strangers_process_stops_nothing(data_dir: Path, postgres: EmbeddedPostgres) -> None:
    postgres.start()
    postgres.stop()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (data_dir / "cluster" / name).write_text(f"{stranger.pid}\n{data_dir / 'cluster'}\n0\n5432\n")
        try:
            assert answers(postgres.start())
        finally:
            stranger.kill()


def test_a_run_killed_while_it_makes_the_cluster_does_not_spoil_the_folder(tmp_path: Path) -> None:
    with committing(tmp_path) as program:
        seconds_until((tmp_path / "cluster.new" / "base").exists, limit_seconds=10)
        kill_9(program)
    assert not (tmp_path / "cluster").exists()
    (tmp_path / "cluster.new").mkdir(exist_ok=True)
    (tmp_path / "cluster.new" / "half").write_text("done")
    with running(tmp_path) as dsn:
        assert answers(dsn)


def test_where_the_kernel_has_no_death_signal_a_guard_stands_in(data_dir: Path, postgres: EmbeddedPostgres) -> None:
    dsn = postgres.start()
    postgres.stop()
    binaries = find_binaries(None, made_by=None)
    arguments = ("-D", str(data_dir / "cluster"), "-k", str(data_dir / "cluster"), "-c", "listen_addresses=")
    command = take_over(data_dir, binaries).command(binaries.program("postgres"), *arguments, tie="guard")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as guard:
        seconds_until(lambda: answers(dsn), limit_seconds=5)
        assert guard.stdin
        guard.stdin.close()  # as the kernel does when we are killed
        assert guard.wait(5) == 0
    assert not processes_in(data_dir)
