"""The whole service as one command: the demo, two API processes, and what is left when somebody kills it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from entrypoints.cli.service import free_port
from tests.adapters.mail.mail_server import MailServer, mail_server
from tests.cli.crowd import FRESH, STEADY, crowd_at

START_SECONDS = 90
DEMO_SECONDS = 180
GONE_SECONDS = 20
STOP_SECONDS = 10
ANSWERS_MIN = 100
WARNINGS = "warnings.log"


def environment(folder: Path, **more: str) -> dict[str, str]:
    """An embedded database in a folder of its own, and nothing of the tests' own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "STREAMLY_"))}
    return {**kept, "DATA_DIR": str(folder), "HOME": str(folder), **more}


def until(condition: Callable[[], bool], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds} s"
        time.sleep(0.1)


def processes_naming(folder: Path) -> list[str]:
    """The command lines and environments that name the folder, of all processes of this machine but this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(f"{entry.name}: {words[:120]!r}")
    return found


@contextmanager
def serving(folder: Path, *arguments: str, **settings: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with (folder / WARNINGS).open("ab") as warnings:
        process = subprocess.Popen(
            [sys.executable, "-m", "entrypoints.cli.main", "serve", *arguments],
            env=environment(folder, PORT=str(port), SANDBOX_PORT=str(free_port()), **settings),
            stdout=subprocess.DEVNULL,
            stderr=warnings,
        )
    try:
        until(lambda: process.poll() is not None or ready(address), "readiness", START_SECONDS)
        assert process.poll() is None, (folder / "streamly.log").read_text()
        yield process, address
    finally:
        process.terminate()
        process.wait(30)


def ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready", timeout=5).is_success
    except httpx.HTTPError:
        return False


def register(address: str, email: str) -> httpx.Response:
    body = {"email": email, "password": "onion-soup-at-noon"}
    return httpx.post(f"{address}/v1/auth/register", json=body, timeout=10)


def test_the_demo_holds_from_end_to_end(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli.main", "demo"],
        env=environment(tmp_path, COLUMNS="200"),
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for said in (
        "402 subscription_required: no_subscription",
        "500 of 500 frames decoded",
        "402 subscription_required: ended",
        "9.99 USD was paid.",
        "access, accounts, catalogue, graces, payments, plans, subscriptions, all identical",
        "Every step held",
    ):
        assert said in done.stdout
    assert processes_naming(tmp_path) == []
    assert list(tmp_path.glob("demo-*")) == []


def test_a_demo_whose_film_is_no_film_fails_and_says_so(tmp_path: Path) -> None:
    film = tmp_path / "notes.mp4"
    film.write_text("this is no film")
    done = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli.main", "demo", "--video", str(film)],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_two_processes_are_scraped_as_one_and_stop_under_load_without_a_failed_request(
    database: str, tmp_path: Path
) -> None:
    with mail_server() as post:
        port = free_port()
        given = {"SMTP_URL": f"smtp://{post.address}", "MAIL_FROM": "no-reply@streamly.example"}
        given |= {"WORKER_METRICS_PORT": str(port)}
        with serving(tmp_path, "--workers", "2", DATABASE_URL=database, **given) as (process, address):
            the_worker_tells_of_its_steps(f"http://127.0.0.1:{port}")
            whichever_is_scraped_tells_of_all(tmp_path, address)
            stopped_under_load(tmp_path, process, address, post)
    assert "is killed" not in (warnings := (tmp_path / WARNINGS).read_text())
    assert "ended badly" not in warnings
    assert processes_naming(tmp_path) == []
    with psycopg.connect(database) as connection:
        letters = connection.execute("SELECT status, attempts FROM ops.letters").fetchall()
    assert (len(post.received), set(letters)) == (len(letters), {("sent", 1)})


def the_worker_tells_of_its_steps(address: str) -> None:
    steps = re.compile(r'^streamly_worker_step_seconds_count\{step="send_letters"\} (.+)$', re.MULTILINE)
    until(lambda: any(map(float, steps.findall(httpx.get(f"{address}/metrics").text))), "a step", 10)


def whichever_is_scraped_tells_of_all(folder: Path, address: str) -> None:
    """Also of one that was killed."""
    for number in range(8):
        assert register(address, f"person{number}@example.com").status_code == 201
    assert scrapes(address) == {8.0}
    assert scrapes(address, REGISTERED) == {8.0}

    killed, left = api_processes(folder)
    os.kill(killed, signal.SIGKILL)
    until(lambda: len({*api_processes(folder)} - {killed, left}) == 1, "the restart", GONE_SECONDS)
    assert register(address, "anna@example.com").status_code == 201
    assert scrapes(address) == {9.0}


def stopped_under_load(folder: Path, process: subprocess.Popen[bytes], address: str, post: MailServer) -> None:
    """While requests are on their way, one of them slowly, and a letter has been taken and not yet confirmed."""
    until(lambda: len(post.received) == 9, "the letters", GONE_SECONDS)
    until(lambda: all(minds_sigterm(each) for each in api_processes(folder)), "the start", START_SECONDS)
    post.conduct.thinks_seconds = 1.0
    with crowd_at(address) as crowd:
        assert register(address, "boris@example.com").status_code == 201
        until(lambda: len(post.received) == 10, "a letter", GONE_SECONDS)
        process.send_signal(signal.SIGTERM)
        crowd.told = True
        assert process.wait(STOP_SECONDS) == 0
    assert (crowd.failed, crowd.slow.split(b"\r\n")[0]) == ([], b"HTTP/1.1 409 Conflict")
    assert crowd.answered > ANSWERS_MIN
    assert crowd.refused == STEADY + FRESH + 1
    assert {crowd.readiness[0], crowd.readiness[-1]} == {"200 serving", "503 leaving"}


def minds_sigterm(process: int) -> bool:
    """Whether it has come so far that it ends in peace."""
    caught = re.search(r"^SigCgt:\s*(\w+)$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def api_processes(folder: Path) -> list[int]:
    return [int(each.partition(":")[0]) for each in processes_naming(folder) if r"\x00api\x00" in each]


APPENDS = r"streamly_ledger_batch_appends_sum"
REGISTERED = r'http_server_request_duration_seconds_count\{[^}]*route="/v1/auth/register"[^}]*\}'


def scrapes(address: str, name: str = APPENDS) -> set[float]:
    """What was told by twenty scrapes, each of whichever process took it."""
    sample = re.compile(f"^{name} (.+)$", re.MULTILINE)
    return {float(sample.findall(httpx.get(f"{address}/metrics", timeout=10).text)[0]) for _ in range(20)}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_with_9_it_leaves_no_process_and_loses_no_commit(tmp_path: Path) -> None:
    (temporary := tmp_path / "temporary").mkdir()
    with serving(tmp_path, "--workers", "2", TMPDIR=str(temporary)) as (process, address):
        assert register(address, "anna@example.com").status_code == 201
        process.send_signal(signal.SIGKILL)
        until(lambda: processes_naming(tmp_path) == [], "the end of every child", GONE_SECONDS)
    assert list(temporary.glob("streamly-*"))
    with serving(tmp_path, TMPDIR=str(temporary)) as (process, address):
        assert list(temporary.glob("streamly-*")) == []
        assert (tmp_path / "streamly.log").stat().st_mode & 0o777 == 0o600
        assert register(address, "anna@example.com").status_code == 409
        assert register(address, "boris@example.com").status_code == 201
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    until(lambda: processes_naming(tmp_path) == [], "the end of every child", GONE_SECONDS)
