"""FFmpeg runs under limits of the kernel and sees nothing of ours; whose fault its end is, is told apart."""

import asyncio
import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.transcoding.child import FFmpeg, FFmpegStopped, Outcome
from adapters.transcoding.limits import Limits
from application.ports.video_platform import NotAVideo

pytestmark = pytest.mark.anyio


def may_leave_the_network() -> bool:
    """As root, or in a namespace of users; hardened systems and some containers refuse both."""
    program = [sys.executable, "-c", "import ctypes; raise SystemExit(ctypes.CDLL(None).unshare(0x50000000))"]
    return sys.platform == "linux" and subprocess.run(program, check=False).returncode == 0


async def run(tmp_path: Path, script: str, *, seconds: int = 20) -> tuple[list[str], Outcome]:
    """A script in the place of FFmpeg."""
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!{sys.executable}\nimport errno, os, resource, signal, sys, time\n{script}")
    program.chmod(0o755)
    lines: list[str] = []
    outcome = await FFmpeg(program, Limits()).run(
        [], source=Path(os.devnull), folder=tmp_path, seconds=seconds, on_line=lines.append
    )
    return lines, outcome


async def test_the_limits_are_those_of_the_kernel(tmp_path: Path) -> None:
    kinds = ("CPU", "CORE", "FSIZE", "AS")
    script = "".join(f"print(resource.getrlimit(resource.RLIMIT_{kind})[0])\n" for kind in kinds)

    lines, _ = await run(tmp_path, script, seconds=17)

    assert [int(line) for line in lines] == [17, 0, Limits().file_bytes, Limits().memory_bytes]


async def test_it_is_a_group_of_its_own_and_sees_none_of_our_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASTER_KEYS", "secret")

    lines, _ = await run(tmp_path, "print(os.getpgid(0) == os.getpid())\nprint(sorted(os.environ))")

    assert lines[0] == "True"
    assert "MASTER_KEYS" not in lines[1]


@pytest.mark.skipif(not may_leave_the_network(), reason="this system gives a process no network of its own")
async def test_it_has_no_network_not_even_this_machines_own(tmp_path: Path) -> None:
    """Whatever FFmpeg were talked into: there is nothing that it could reach."""
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1") as listener:
        address = listener.sockets[0].getsockname()
        script = f"""
import socket
for family, to in ((socket.AF_INET, {address!r}), (socket.AF_INET6, ("::1", {address[1]}))):
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        print(errno.errorcode.get(connection.connect_ex(to)))
print(sorted(name for _, name in socket.if_nameindex()))
"""
        lines, outcome = await run(tmp_path, script)

    assert outcome.code == 0, outcome.messages
    assert set(lines[:2]) <= {"ENETUNREACH", "EADDRNOTAVAIL"}
    assert lines[2] == "['lo']"


async def test_processor_time_is_limited_too(tmp_path: Path) -> None:
    """FFmpeg ends itself at this signal and says so; this script does the same."""
    script = """
def ended(number, _):
    print(f"Exiting normally, received signal {number}.", file=sys.stderr)
    sys.exit(255)
signal.signal(signal.SIGXCPU, ended)
while True: pass
"""
    with pytest.raises(NotAVideo) as refused:
        await run(tmp_path, script, seconds=1)

    assert refused.value.reason == "processing_timed_out"


async def test_nothing_of_its_group_outlives_the_time_that_it_has(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(NotAVideo) as refused:
        await run(tmp_path, "os.fork()\ntime.sleep(30)", seconds=1)

    assert refused.value.reason == "processing_timed_out"
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "script",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "sys.exit('Exiting normally, received signal 15.')",
    ],
)
async def test_what_stopped_it_from_outside_is_no_fault_of_the_video(tmp_path: Path, script: str) -> None:
    with pytest.raises(FFmpegStopped):
        await run(tmp_path, script)


async def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FFmpegStopped, match="No such file"):
        await FFmpeg(tmp_path / "absent", Limits()).run(
            [], source=Path(os.devnull), folder=tmp_path, seconds=5, on_line=lambda _: None
        )


async def test_a_full_disk_is_no_fault_of_the_video(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no room") as refused:
        await run(tmp_path, "sys.exit('[out#0/hls @ 0x1] Error writing trailer: No space left on device')")

    assert refused.value.errno == errno.ENOSPC


async def test_a_title_cannot_pretend_anything(tmp_path: Path) -> None:
    """What a file says of itself is indented in what FFmpeg prints."""
    title = "    title           : No space left on device\\n    title : Exiting normally, received signal 15."

    _, outcome = await run(tmp_path, f"sys.exit('{title}')")

    assert outcome.code == 1
    assert not outcome.ran_out_of_memory


async def test_a_lack_of_memory_is_seen(tmp_path: Path) -> None:
    _, outcome = await run(tmp_path, "sys.exit('[h264 @ 0x1] get_buffer() failed: Cannot allocate memory')")

    assert outcome.ran_out_of_memory


async def test_of_endless_complaints_the_beginning_is_kept(tmp_path: Path) -> None:
    _, outcome = await run(
        tmp_path, "print('first', file=sys.stderr)\nfor _ in range(400): print('x' * 5000, file=sys.stderr)"
    )

    assert outcome.messages.startswith("first")
    assert len(outcome.messages) == 64 * 1024
    assert outcome.code == 0
