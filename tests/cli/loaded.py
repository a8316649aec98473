"""A process that has loaded the program and forks one for each command, of whose time loading takes the most.

python -m tests.cli.loaded FD: the end of a socket, over which come the files of one command at a time: what is asked
(its arguments, environment and folder, as JSON), its input, its output, its errors, and a pipe for its exit code. What
a fork does not show is how the program is loaded: for that, and for signals and pipes, start a process.
"""

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from entrypoints.cli.main import main

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 90
FILES = 5


def run(arguments: Sequence[str], environment: dict[str, str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """As `subprocess.run` with text, also by many at once. What takes longer than `TIMEOUT_SECONDS` ends by SIGALRM."""
    with TemporaryFile() as asked, TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as trouble:
        _fill(asked, json.dumps([arguments, environment, str(Path.cwd())]))
        _fill(given, stdin)
        ending, tells = os.pipe()
        with os.fdopen(ending) as ended:
            with os.fdopen(tells, "w") as telling:
                files = [file.fileno() for file in (asked, given, out, trouble, telling)]
                socket.send_fds(_forker(), [b"."], files)
            code = int(ended.read())
        return subprocess.CompletedProcess(arguments, code, _text(out), _text(trouble))


def _fill(file: IO[bytes], text: str) -> None:
    file.write(text.encode())
    file.seek(0)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@cache
def _forker() -> socket.socket:
    """Where commands are asked for. The process at the other end ends with this one, which alone holds this end."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.loaded", str(theirs.fileno())],
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    atexit.register(process.wait, TIMEOUT_SECONDS)
    atexit.register(ours.close)
    return ours


def serve(asking: socket.socket) -> None:
    """Until the other end is closed. Returns in each command too, once it is done."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a keeper
    gc.freeze()  # or each command's own collection, at its end too, copies all that is loaded
    while files := socket.recv_fds(asking, 1, FILES)[1]:
        if os.fork() == 0:
            asking.close()
            _keep(files)
            return
        for file in files:
            os.close(file)


def _keep(files: list[int]) -> None:
    """Forks the command, and tells its exit code: only its parent learns that."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *of_the_command, telling = files
    command = os.fork()
    if command == 0:
        os.close(telling)
        _run(*of_the_command)
        return
    _, status = os.waitpid(command, 0)
    os.write(telling, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _run(asked: int, *standard: int) -> None:
    with os.fdopen(asked) as file:
        arguments, environment, folder = json.load(file)
    for number, file_of_its_own in enumerate(standard):
        os.dup2(file_of_its_own, number)
        os.close(file_of_its_own)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.alarm(TIMEOUT_SECONDS)
    main(arguments, prog_name="streamly")


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
