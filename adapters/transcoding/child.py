"""FFmpeg as a child process that can neither outlive us nor take more than it is given."""

import asyncio
import errno
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from adapters.transcoding.limits import Limits
from application.ports.video_platform import NotAVideo

_LAUNCHER = str(Path(__file__).with_name("launcher.py"))

_CONTAINERS = "mov,matroska,webm,mpegts,mpeg,avi,flv,ogg"
_CODECS = (
    "h264,hevc,libdav1d,vp8,vp9,mpeg4,mpeg2video,mpeg1video,h263,msmpeg4,mjpeg,prores,dnxhd,theora,flv,"
    "aac,aac_latm,mp3,mp3float,mp2,mp2float,ac3,eac3,opus,vorbis,flac,alac,amrnb,amrwb,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_f32le,pcm_u8,pcm_mulaw,pcm_alaw"
)
_MESSAGE_BYTES = 64 * 1024

# What FFmpeg quotes from an upload (a title, say) is indented; what it says itself is not.
_SIGNALLED_CODE = 255
_TOO_MANY_SIGNALS = 123
_SIGNALLED = re.compile(r"^Exiting normally, received signal (\d+)", re.MULTILINE)
_NO_MEMORY = re.compile(r"^\S.*(Cannot allocate memory|Resource temporarily unavailable)", re.MULTILINE)
_DISK_FULL = re.compile(r"^\S.*No space left on device", re.MULTILINE)

# No variable of ours reaches a process that reads hostile bytes; few arenas, or threads alone fill the address space.
_ENVIRONMENT = {"LC_ALL": "C", "MALLOC_ARENA_MAX": "4"}


class FFmpegStopped(RuntimeError):
    """FFmpeg was stopped from outside or did not start: no fault of the video, so it is worth another try."""


class Outcome(msgspec.Struct, frozen=True):
    """What FFmpeg ended with: its exit code (negative: a signal), and the first 64 KiB of what it said."""

    code: int
    messages: str

    @property
    def ran_out_of_memory(self) -> bool:
        """Its address space was full: for a picture, or for the stack of one more thread."""
        return self.code != 0 and _NO_MEMORY.search(self.messages) is not None


def hostile_input(limits: Limits) -> list[str]:
    """FFmpeg's options to read an upload from standard input, as the one thing that it may open.

    The bytes decide what they are taken for, and a playlist or script names other files and addresses: only containers
    of video are read, by decoders in wide use, and `fd` as the only protocol leaves no way to any file or network.
    """
    return [
        *("-protocol_whitelist", "fd", "-format_whitelist", _CONTAINERS, "-codec_whitelist", _CODECS),
        *("-max_streams", str(limits.streams), "-max_pixels", str(limits.pixels), "-i", "fd:"),
    ]


class FFmpeg:
    """One FFmpeg program (6 or newer), and the limits that it runs under."""

    def __init__(self, program: Path, limits: Limits) -> None:
        self._program = program
        self._limits = limits

    async def run(
        self, options: Sequence[str], *, source: Path, folder: Path, seconds: int, on_line: Callable[[str], None]
    ) -> Outcome:
        """Run with `source` as standard input and `folder` as the working one; each line of output goes to `on_line`.

        Raises:
            NotAVideo: `processing_timed_out`, after `seconds` on the clock or of processor time.
            FFmpegStopped: it was killed, or could not be started.
            OSError: no room on the disk.
        """
        began = time.monotonic()
        with source.open("rb") as bytes_in:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", _LAUNCHER, str(os.getpid()), str(seconds)),
                *(str(self._limits.memory_bytes), str(self._limits.file_bytes)),
                *(str(self._program), "-hide_banner", "-nostdin", "-nostats", "-y", *options),
                stdin=bytes_in,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=folder,
                env=_ENVIRONMENT,
            )
        try:
            async with asyncio.timeout(seconds):
                messages = await _listen(child, on_line)
                outcome = Outcome(await child.wait(), messages)
        except TimeoutError:
            raise _timed_out() from None
        finally:
            await _end(child)
        # All cores together use up the processor's time sooner than the clock does.
        spent = time.monotonic() - began >= seconds / (os.cpu_count() or 1) / 2
        _blame_the_machine(outcome, spent=spent)
        return outcome


async def _listen(child: asyncio.subprocess.Process, on_line: Callable[[str], None]) -> str:
    assert child.stdout is not None
    assert child.stderr is not None
    async with asyncio.TaskGroup() as readers:
        messages = readers.create_task(_first_bytes(child.stderr))
        readers.create_task(_each_line(child.stdout, on_line))
    return messages.result()


async def _first_bytes(stream: asyncio.StreamReader) -> str:
    """Its beginning; the rest is read too, so that FFmpeg does not wait for us, and dropped."""
    kept = bytearray()
    while piece := await stream.read(_MESSAGE_BYTES):
        kept += piece[: _MESSAGE_BYTES - len(kept)]
    return kept.decode(errors="replace")


async def _each_line(stream: asyncio.StreamReader, on_line: Callable[[str], None]) -> None:
    async for line in stream:
        on_line(line.decode(errors="replace").rstrip())


async def _end(child: asyncio.subprocess.Process) -> None:
    """Kill it with all of its group; it may not yet be at the head of one, when it has only just been started."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            child.kill()
        await child.communicate()


def _blame_the_machine(outcome: Outcome, *, spent: bool) -> None:
    """Raise what is not the video's fault, and the end of its time; `spent`: its processor time may be used up."""
    signalled = _SIGNALLED.search(outcome.messages)
    if signalled and int(signalled[1]) == signal.SIGXCPU:
        raise _timed_out()
    # Where it is to be quiet it does not say which signal it was.
    if spent and outcome.code in {_SIGNALLED_CODE, _TOO_MANY_SIGNALS, -signal.SIGXCPU} and not outcome.messages:
        raise _timed_out()
    if _DISK_FULL.search(outcome.messages):
        raise OSError(errno.ENOSPC, "no room on the disk for the video")
    killed = outcome.code in {-signal.SIGKILL, -signal.SIGTERM}
    if signalled or killed or outcome.messages.startswith("launcher:"):
        raise FFmpegStopped(f"FFmpeg ended with {outcome.code}: {outcome.messages[:500]}")


def _timed_out() -> NotAVideo:
    return NotAVideo("processing_timed_out", "The video took too long to process.")
