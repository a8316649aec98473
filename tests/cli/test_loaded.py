"""A command that is forked from a loaded program does what one does that is started."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli import loaded

AT_ONCE = 12


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("doctor", "-h"), 0), (("doctor",), 3)],
)
def test_it_ends_and_says_what_one_that_is_started_does(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    environment = {**os.environ, "ENV": "production", "DATA_DIR": str(tmp_path), "COLUMNS": "60"}
    started = subprocess.run(
        [sys.executable, "-c", "from entrypoints.cli.main import main; main(prog_name='streamly')", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=loaded.TIMEOUT_SECONDS,
        check=False,
    )

    forked = loaded.run(arguments, environment)

    assert forked.returncode == code
    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)


def test_of_many_at_once_each_has_its_own_answer(tmp_path: Path) -> None:
    def run(number: int) -> subprocess.CompletedProcess[str]:
        if number % 3 == 0:
            return loaded.run(["--version"], {})
        if number % 3 == 1:
            return loaded.run(["audit", f"--x{number}"], {})
        return loaded.run(["doctor"], {**os.environ, "DATA_DIR": f"/proc/folder-{number}"})

    with ThreadPoolExecutor(AT_ONCE) as threads:
        done = list(threads.map(run, range(AT_ONCE)))

    assert [each.returncode for each in done] == [0, 2, 3] * (AT_ONCE // 3)
    for number, each in enumerate(done):
        words = ("streamly, version", f"'--x{number}'", f"'/proc/folder-{number}'")[number % 3]
        assert words in each.stdout + each.stderr, each
        assert (each.stdout == "") is (number % 3 != 0)
