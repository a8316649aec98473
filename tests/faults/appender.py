"""A process that appends with many callers and keeps how long each of them waited: `DATABASE_URL` says where.

    python -m tests.faults.appender FILE CALLERS

FILE gets two doubles to an append: when it was asked, by the machine's monotonic clock, and how many seconds it took.
"""

import asyncio
import signal
import struct
import sys
import time
from pathlib import Path
from random import Random
from typing import IO
from uuid import uuid4

from entrypoints.cli.children import end_with_parent
from entrypoints.settings import read_settings
from entrypoints.wiring import House, open_house
from tests.faults.lives import VideoLife

WAIT = struct.Struct("dd")
LIVES_OF_A_CALLER = 4


async def call(house: House, file: IO[bytes], stopped: asyncio.Event, caller: int) -> None:
    """One append after the other; whatever goes wrong ends the process."""
    dice = Random(caller)  # noqa: S311 - a story
    lives = [VideoLife(uuid4()) for _ in range(LIVES_OF_A_CALLER)]
    while not stopped.is_set():
        life = dice.choice(lives)
        writes = life.next(dice)
        asked = time.monotonic()
        await house.records.ledger.append(*writes)
        file.write(WAIT.pack(asked, time.monotonic() - asked))
        life.written(writes)


async def append(file: IO[bytes], callers: int) -> None:
    """Until SIGTERM."""
    stopped = asyncio.Event()
    async with open_house(read_settings(env_file=None)) as house:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        async with asyncio.TaskGroup() as tasks:
            for caller in range(callers):
                tasks.create_task(call(house, file, stopped, caller))


def main(file: str, callers: str) -> None:
    end_with_parent()
    with Path(file).open("ab") as waits:
        asyncio.run(append(waits, int(callers)))


if __name__ == "__main__":
    main(*sys.argv[1:])
