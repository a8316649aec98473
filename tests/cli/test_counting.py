"""The folders in which processes count together: what is left of a killed service goes, what lives stays."""

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrypoints.cli.counting import PREFIX, NothingToCountIn, clear_abandoned, counting_folder

SERVICE = """
import subprocess, sys
from entrypoints.cli.counting import counting_folder

with counting_folder() as folder:
    child = subprocess.Popen(["sleep", "60"], pass_fds=[folder.held], stdout=subprocess.DEVNULL)
    print(folder.path, child.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def service(temporary: Path) -> Iterator[subprocess.Popen[str]]:
    """With a child that counts too."""
    command, given = [sys.executable, "-c", SERVICE], {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(command, env=given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_a_folder_is_there_while_it_is_used_and_private(temporary: Path) -> None:
    with counting_folder() as folder:
        (folder.path / "counter_1.db").touch()
        clear_abandoned()
        assert [*folder.path.iterdir()] == [folder.path / "counter_1.db"]
        assert folder.path.stat().st_mode & 0o777 == 0o700
    assert [*temporary.iterdir()] == []


def test_that_of_a_killed_service_goes_once_its_children_are_gone_too(service: subprocess.Popen[str]) -> None:
    assert service.stdout
    said, child = service.stdout.readline().split()
    folder = Path(said)
    try:
        service.kill()
        service.wait(10)
        clear_abandoned()
        assert folder.is_dir(), "its child still counts"
    finally:
        gone = os.pidfd_open(int(child))
        signal.pidfd_send_signal(gone, signal.SIGKILL)
        ended(gone)

    clear_abandoned()

    assert not folder.exists()


def ended(process: int) -> None:
    assert select.select([process], [], [], 10)[0]


def test_nothing_else_is_touched(temporary: Path) -> None:
    outside = temporary / "somebody's"
    outside.mkdir()
    (outside / "thing").touch()
    (temporary / f"{PREFIX}link").symlink_to(outside)
    (temporary / f"{PREFIX}file").touch()

    clear_abandoned()

    assert {path.name for path in temporary.iterdir()} == {"somebody's", f"{PREFIX}link", f"{PREFIX}file"}
    assert (outside / "thing").exists()


def test_where_none_can_be_kept_the_service_says_so(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    """Each is cleared away before it is locked."""

    def taken_away(prefix: str) -> str:
        return str(temporary / f"{prefix}gone")

    monkeypatch.setattr(tempfile, "mkdtemp", taken_away)

    with pytest.raises(NothingToCountIn), counting_folder():
        pass
