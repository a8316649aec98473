"""Programs that the tests start, measure and kill.

`programs receive ROOT MEGABYTES`, `process ROOT VIDEO_ID SHA256` or `send ROOT VIDEO_ID TOKEN`.
"""

import asyncio
import resource
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.adapters.local_video.screening import NOW, local_video, upload_token

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "tests.adapters.local_video.programs")
MEGABYTE = 1 << 20


async def receive(root: str, megabytes: str) -> None:
    """Tell by how many bytes the process grew at most while it took an upload of so many megabytes."""
    platform, video_id = local_video(Path(root)), UUID(int=1)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(int(megabytes) * 16):
            yield bytes(64 * 1024)

    token = await upload_token(platform, video_id)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    received = await platform.receive(video_id, token, chunks(), now=NOW)
    assert received.size_bytes == int(megabytes) * MEGABYTE
    tell((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)


async def process(root: str, video_id: str, sha256: str) -> None:
    """Tell the progress, line by line."""
    platform = local_video(Path(root))
    await platform.process(UUID(video_id), sha256=sha256, on_progress=tell)


async def send(root: str, video_id: str, token: str) -> None:
    """Send standard input as one piece of an upload, and tell after each MiB of it how much is on the disk."""

    async def chunks() -> AsyncIterator[bytes]:
        while chunk := await asyncio.to_thread(sys.stdin.buffer.read, MEGABYTE):
            yield chunk
            if (offset := upload.offset) >= 2 * MEGABYTE:
                tell(offset)

    async with local_video(Path(root)).resume(UUID(video_id), token, now=NOW) as upload:
        await upload.append(chunks())


PROGRAMS: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {"receive": receive, "process": process, "send": send}


def tell(number: float) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(PROGRAMS[sys.argv[1]](*sys.argv[2:]))
