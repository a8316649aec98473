"""Programs that the tests start, measure and kill: `programs receive ROOT MEGABYTES|process ROOT VIDEO_ID SHA256`."""

import asyncio
import resource
import sys
from collections.abc import AsyncIterator
from pathlib import Path
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


def tell(number: float) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(receive(*sys.argv[2:]) if sys.argv[1] == "receive" else process(*sys.argv[2:]))
