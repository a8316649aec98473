"""`streamly audit history`: what it writes, in how much memory, and how it ends when others do."""

import array
import fcntl
import json
import signal
import subprocess
import sys
import termios
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from entrypoints.cli.history import _is_ours
from tests.adapters.eventstore.long_ledger import LATE, LOUD, RARE, recorded_at, seed
from tests.cli import loaded
from tests.cli.running import environment_on

FACTS = 200_000
TIMEOUT_SECONDS = 90
ENDS_SECONDS = 10
GROWTH_MIB_MAX = 8
PIPE_BYTES = 65_536

# What it took at most, as the kernel saw it; the figure for children would begin with that of the tests themselves.
MEASURED = """
import atexit, sys
from pathlib import Path
from entrypoints.cli.main import main
def tell():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    print(line.split()[1], file=sys.stderr)
atexit.register(tell)
main()
"""


@dataclass(frozen=True)
class Operator:
    """Somebody at a command line, with a database and a data folder."""

    dsn: str
    folder: Path

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return loaded.run(arguments, environment_on(self.dsn, self.folder), stdin)

    def facts(self, *filters: str) -> list[Any]:
        done = self.run("audit", "history", *filters)
        assert (done.returncode, done.stderr) == (0, "")
        return [json.loads(line) for line in done.stdout.splitlines()]

    @contextmanager
    def running(self, *arguments: str, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=environment_on(self.dsn, self.folder),
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
        try:
            with process:
                yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def operator(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """At a long ledger."""
    with psycopg.connect(module_database, autocommit=True) as connection:
        seed(connection, FACTS)
        connection.execute("VACUUM (ANALYZE) ledger.events")
    return Operator(module_database, tmp_path_factory.mktemp("data"))


def test_a_fact_to_a_line_by_filters_that_may_be_combined(operator: Operator) -> None:
    day = recorded_at(100_000)
    asked = ("--account", str(LOUD), "--type", LATE, "--from", day.isoformat(), "--up-to", "101000")
    facts = operator.facts(*asked)

    loud = [position for position in range(1, 101_001, 20) if position % 5_000 != 1]
    assert [fact["position"] for fact in facts] == [position for position in loud if recorded_at(position) >= day]
    assert {fact["data"]["account_id"] for fact in facts} == {str(LOUD)}
    rare = operator.facts("--stream", str(LOUD), "--type", RARE, "--after", "50001", "--limit", "3", "--stored")
    assert [fact["position"] for fact in rare] == [55_001, 60_001, 65_001]
    assert all(fact["stored"] for fact in rare)
    assert operator.facts("--to", recorded_at(0).isoformat()) == []


def test_a_date_alone_is_its_midnight_in_utc(operator: Operator) -> None:
    midnight = datetime(2027, 3, 2, tzinfo=UTC)
    (first,) = operator.facts("--from", "2027-03-02", "--limit", "1")

    assert datetime.fromisoformat(first["recorded_at"]) == midnight
    assert operator.facts("--from", "2027-03-02", "--to", "2027-03-02") == []
    assert recorded_at(first["position"] - 1) < midnight


@pytest.mark.parametrize(
    "asked",
    [
        ("--from", "yesterday"),
        ("--to", "2027-03-01T12:00:00"),
        ("--to", "2027-02-29"),
        ("--stream", "x"),
        ("--after", "-1"),
        ("--limit", "0"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_by_its_name(operator: Operator, asked: tuple[str, str]) -> None:
    refused = operator.run("audit", "history", *asked)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"'{asked[0]}'" in refused.stderr


def test_a_file_has_its_name_once_it_is_whole(operator: Operator, tmp_path: Path) -> None:
    out = tmp_path / "ledger.ndjson"
    done = operator.run("audit", "history", "--up-to", "30000", "--out", str(out))

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == f"30000 facts in {out}"
    assert [json.loads(line)["position"] for line in out.read_text().splitlines()] == list(range(1, 30_001))
    assert list(tmp_path.iterdir()) == [out]


def test_what_is_personal_is_shown_to_an_operator_who_does_not_want_it_sealed(database: str, tmp_path: Path) -> None:
    operator = Operator(database, tmp_path)
    made = operator.run("accounts", "create-admin", "ada@example.com", "--password-stdin", stdin="onion-soup-at-noon\n")
    assert made.returncode == 0, made.stderr

    (shown,), (sealed,) = operator.facts(), operator.facts("--sealed", "--stored")

    assert (shown["type"], shown["data"]["email"], shown["stored"]) == ("account.registered", "ada@example.com", None)
    assert sealed["data"]["email"] == "•••"
    assert "ada@example.com" not in json.dumps(sealed)


@pytest.fixture
def damaged(database: str, tmp_path: Path) -> Operator:
    """At a ledger of twenty facts, of which the fifth and the eleventh, the first ones of their pages, are no facts."""
    with psycopg.connect(database, autocommit=True) as connection:
        seed(connection, 20)
    operator = Operator(database, tmp_path)
    assert len(operator.facts()) == 20
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER USER")
        connection.execute("UPDATE ledger.events SET state = '\\x7bff' WHERE notification_id = 5")
        connection.execute("UPDATE ledger.events SET topic = 'video.eaten' WHERE notification_id = 11")
    return operator


def test_a_fact_that_cannot_be_read_is_shown_as_it_lies_and_the_rest_goes_on(damaged: Operator) -> None:
    done = damaged.run("audit", "history", "--json")

    facts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [fact["position"] for fact in facts] == list(range(1, 21))
    unreadable = {fact["position"]: fact for fact in facts if fact["unreadable"]}
    assert unreadable.keys() == {5, 11}
    assert (unreadable[5]["data"], unreadable[5]["actor"]) == (None, None)
    assert b64decode(unreadable[5]["stored"]) == b"{\xff"
    assert datetime.fromisoformat(unreadable[5]["recorded_at"]) == recorded_at(5)
    assert (unreadable[11]["type"], unreadable[11]["cause"]["kind"]) == ("video.eaten", "request")
    assert done.returncode == 1
    assert done.stderr.startswith("streamly: 2 facts cannot be read, first the one at 5: ")
    assert done.stderr.count("\n") == 1
    assert damaged.run("audit", "history", "--after", "11").returncode == 0


def test_a_story_with_a_fact_that_cannot_be_read_is_told_and_no_answer_is_made_of_it(damaged: Operator) -> None:
    told = damaged.run("audit", "timeline", str(LOUD), "--json")
    with psycopg.connect(damaged.dsn, autocommit=True) as connection:
        connection.execute("UPDATE ledger.events SET state = '{}' WHERE notification_id = 1")
    (fact,) = json.loads(damaged.run("audit", "timeline", str(LOUD), "--json").stdout)
    refused = damaged.run("audit", "access", str(LOUD))

    assert told.returncode == 0
    assert fact["position"] == 1
    assert "cannot be read" in fact["summary"]
    assert refused.returncode == 3
    assert refused.stderr.startswith("streamly: fact 1: ")


def test_an_auditors_command_makes_no_read_models_and_needs_none(damaged: Operator) -> None:
    told = [damaged.run("audit", command, str(LOUD)).returncode for command in ("timeline", "access")]

    assert told == [0, 0]
    assert damaged.run("audit", "history", "--up-to", "4").returncode == 0
    with psycopg.connect(damaged.dsn) as connection:
        assert connection.execute("SELECT name FROM ledger.read_models").fetchall() == []


def test_what_is_asked_for_in_vain_is_said(operator: Operator, tmp_path: Path) -> None:
    nothing = operator.run("audit", "history", "--type", "video.eaten")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert nothing.stderr == "streamly: no fact has the type 'video.eaten'\n"

    nowhere = operator.run("audit", "history", "--out", str(tmp_path / "nonexistent" / "x"))
    assert nowhere.returncode == 2
    assert "there is no folder" in nowhere.stderr
    assert len(operator.run("audit", "history", "--limit", "2", "--out", "-").stdout.splitlines()) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ten_times_the_facts_take_no_more_memory(operator: Operator) -> None:
    peaks_mib = []
    for up_to in (FACTS // 10, FACTS):
        asked = ("-c", MEASURED, "audit", "history", "--up-to", str(up_to))
        with operator.running(*asked, stdout=subprocess.DEVNULL) as process:
            _, said = process.communicate(timeout=TIMEOUT_SECONDS)
        assert process.returncode == 0, said.decode()
        peaks_mib.append(int(said) / 1024)

    assert peaks_mib[1] - peaks_mib[0] < GROWTH_MIB_MAX, peaks_mib


def test_a_reader_who_has_read_enough_ends_it_without_a_word(operator: Operator) -> None:
    with operator.running("-m", "entrypoints.cli.main", "audit", "history") as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["position"] == 1
        process.stdout.close()
        assert process.wait(ENDS_SECONDS) == 0
        assert process.stderr
        assert process.stderr.read() == b""


def test_ctrl_c_ends_it_without_a_word_also_when_nobody_reads(operator: Operator) -> None:
    with operator.running("-m", "entrypoints.cli.main", "audit", "history") as process:
        waits_for_a_reader(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(ENDS_SECONDS) == 130
        assert process.stderr
        assert process.stderr.read() == b""


def test_ctrl_c_leaves_the_part_of_a_file_that_there_is_and_names_it(operator: Operator, tmp_path: Path) -> None:
    out, part = tmp_path / "ledger.ndjson", tmp_path / "ledger.ndjson.part"
    with operator.running("-m", "entrypoints.cli.main", "audit", "history", "--out", str(out)) as process:
        until(lambda: part.is_file() and part.stat().st_size > 0)
        process.send_signal(signal.SIGINT)
        assert process.wait(ENDS_SECONDS) == 130
        assert process.stderr
        assert process.stderr.read().decode() == f"streamly: cut short; what there is lies in {part}\n"

    assert list(tmp_path.iterdir()) == [part]
    positions = [json.loads(line)["position"] for line in part.read_text().splitlines()]
    assert positions == list(range(1, len(positions) + 1))
    assert 0 < len(positions) < FACTS


def test_two_commands_do_not_write_the_same_file(operator: Operator, tmp_path: Path) -> None:
    out, part = tmp_path / "ledger.ndjson", tmp_path / "ledger.ndjson.part"
    command = ("audit", "history", "--out", str(out))
    with operator.running("-m", "entrypoints.cli.main", *command) as first:
        until(lambda: part.is_file() and part.stat().st_size > 0)
        first.send_signal(signal.SIGSTOP)
        second = operator.run(*command, "--limit", "7")
        first.send_signal(signal.SIGCONT)
        assert first.wait(TIMEOUT_SECONDS) == 0

    assert (second.returncode, second.stdout) == (3, "")
    assert second.stderr == f"streamly: {out} is being written by another command\n"
    assert list(tmp_path.iterdir()) == [out]
    assert [json.loads(line)["position"] for line in out.read_text().splitlines()] == list(range(1, FACTS + 1))


def test_what_a_killed_command_has_left_is_written_anew(operator: Operator, tmp_path: Path) -> None:
    out, part = tmp_path / "ledger.ndjson", tmp_path / "ledger.ndjson.part"
    with operator.running("-m", "entrypoints.cli.main", "audit", "history", "--out", str(out)) as killed:
        until(lambda: part.is_file() and part.stat().st_size > 0)
        killed.kill()
    assert list(tmp_path.iterdir()) == [part]

    assert operator.run("audit", "history", "--limit", "3", "--out", str(out)).returncode == 0
    assert list(tmp_path.iterdir()) == [out]
    assert [json.loads(line)["position"] for line in out.read_text().splitlines()] == [1, 2, 3]


def test_a_part_that_has_got_its_name_is_no_part_any_more(tmp_path: Path) -> None:
    out, part = tmp_path / "ledger.ndjson", tmp_path / "ledger.ndjson.part"
    with part.open("ab") as opened_before:
        part.replace(out)
        assert not _is_ours(opened_before, part)
        part.touch()
        assert not _is_ours(opened_before, part)


def test_a_file_that_cannot_be_written_is_named_with_the_reason(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "ledger.ndjson.part").mkdir()
    for out, reason in (
        (tmp_path / "ledger.ndjson", "Is a directory"),
        (Path("/proc/ledger.ndjson"), "No such file or directory"),
    ):
        refused = operator.run("audit", "history", "--out", str(out))

        assert (refused.returncode, refused.stdout) == (3, "")
        assert refused.stderr == f"streamly: {out} cannot be written, by way of {out.name}.part beside it: {reason}\n"


def test_a_database_that_hangs_up_in_the_middle_costs_no_fact_and_doubles_none(operator: Operator) -> None:
    with operator.running("-m", "entrypoints.cli.main", "audit", "history") as process:
        waits_for_a_reader(process)
        assert process.stdout
        positions = []
        for line in process.stdout:
            positions.append(json.loads(line)["position"])
            if len(positions) in {1_000, 50_000, 100_000}:
                hang_up(operator.dsn)
        assert process.wait(ENDS_SECONDS) == 0

    assert positions == list(range(1, FACTS + 1))


def waits_for_a_reader(process: subprocess.Popen[bytes]) -> None:
    """Until the pipe is full."""
    assert process.stdout
    pipe, held = process.stdout.fileno(), array.array("i", [0])
    until(lambda: fcntl.ioctl(pipe, termios.FIONREAD, held) == 0 and held[0] >= PIPE_BYTES)


def hang_up(dsn: str) -> None:
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert connection.execute(ended + " AND pid <> pg_backend_pid()").fetchall()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
