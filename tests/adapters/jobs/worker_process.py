"""A worker in a process of its own, to be killed: `python -m tests.adapters.jobs.worker_process DSN LEASE_SECONDS`."""

import asyncio
import sys
from uuid import UUID

from adapters.jobs.transcode_jobs import PostgresTranscodeJobs
from adapters.postgres.pool import new_pool


async def main(dsn: str, lease_seconds: float) -> None:
    async with new_pool(dsn, size=2) as pool:
        await PostgresTranscodeJobs(pool, lease_seconds=lease_seconds).work(transcode_without_end)


async def transcode_without_end(video_id: UUID) -> None:
    sys.stdout.write(f"{video_id}\n")
    sys.stdout.flush()
    await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
