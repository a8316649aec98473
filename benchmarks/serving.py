"""Servers that are measured: processes of their own on a socket that is open already, and the CPU that they use."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

import httpx
from psycopg.conninfo import conninfo_to_dict

START_SECONDS, STOP_SECONDS, LOOK_SECONDS = 60.0, 15.0, 0.05
BACKLOG = 2048

API = (sys.executable, "-m", "entrypoints.cli.main", "api", "--fd", "{fd}")
"""The process that `streamly serve` starts."""

PEERS = Path(__file__).parents[1] / ".venv-peers/bin/python"
ABSENT = "" if PEERS.exists() else "there is no .venv-peers, which `make bench` makes"

PROC = Path("/proc")
UNTOLD = "" if (PROC / "self/stat").exists() else "the system does not tell what CPU a process uses (no /proc)"


class Served(NamedTuple):
    """A server that answers, on one port, by one or more processes."""

    port: int
    pids: Sequence[int]

    def cpu_seconds(self) -> float:
        """What its processes have used since they were started; to be asked where `UNTOLD` is empty."""
        return sum(map(cpu_seconds, self.pids))


def cpu_seconds(pid: int) -> float:
    """User and system time of one process (proc(5): the 14th and the 15th field), in ticks of 10 ms."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(
    command: Sequence[str], log: Path, environment: Mapping[str, str], *, ready: str, processes: int = 1
) -> Iterator[Served]:
    """So many processes of a command, in which `{fd}` stands for the number of their listening socket."""
    # With the protocol named, asyncio turns Nagle's algorithm off; without, an answer waits for 40 ms.
    with socket.socket(proto=socket.IPPROTO_TCP) as listening, log.open("wb") as said, ExitStack() as stack:
        listening.bind(("127.0.0.1", 0))
        listening.listen(BACKLOG)
        fd, port = listening.fileno(), int(listening.getsockname()[1])
        line, inherited = [part.replace("{fd}", str(fd)) for part in command], {**os.environ, **environment}
        started = []
        for _ in range(processes):
            process = subprocess.Popen(line, env=inherited, pass_fds=[fd], stdout=said, stderr=said)
            stack.enter_context(process)
            stack.callback(_stop, process)
            started.append(process)
        for process in started:
            _wait_until_it_answers(process, f"http://127.0.0.1:{port}{ready}", log)
        yield Served(port, [process.pid for process in started])


def _wait_until_it_answers(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, f"a server ended at its start: {log.read_text()[-2_000:]}"
        assert time.monotonic() < deadline, f"a server did not answer: {log.read_text()[-2_000:]}"
        try:
            if httpx.get(address, timeout=1, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            time.sleep(LOOK_SECONDS)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def for_asyncpg(dsn: str) -> str:
    """As SQLAlchemy is told of a server on a Unix socket."""
    given = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    place = urlencode({"host": given["host"], "port": given.get("port", "5432")})
    password = f":{quote(given['password'], safe='')}" if "password" in given else ""
    return f"postgresql+asyncpg://{given['user']}{password}@/{quote(given['dbname'])}?{place}"
