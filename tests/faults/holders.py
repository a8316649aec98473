"""Clients who hold connections open and ask for nothing, or for something by the byte; hung up on, they come again.

python -m tests.faults.holders PORT IDLE SLOW: says how many it holds, a line every second, until its input ends.
"""

import asyncio
import contextlib
import os
import sys
from itertools import count

SLOW_HEAD = b"GET /v1/plans HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"y" * 4_000
COMING_AT_ONCE = 64
NICENESS = 10
"""They would have machines of their own: here they take what the server and who asks leave them."""
DRIP_SECONDS, AGAIN_SECONDS, SAY_SECONDS = 1.0, 1.0, 1.0

held = {"idle": 0, "slow": 0}
numbers = count()


async def hold(port: int, kind: str, coming: asyncio.Semaphore) -> None:
    """One client, for ever. Its own address is one of many: a machine has 28,000 ports to an address."""
    while True:
        number = next(numbers) % 50_000
        own = f"127.{1 + number // 250}.0.{1 + number % 250}"
        try:
            async with coming, asyncio.timeout(10):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(own, 0))
        except OSError:
            await asyncio.sleep(AGAIN_SECONDS)
            continue
        held[kind] += 1
        with contextlib.suppress(OSError):
            await (drip(reader, writer) if kind == "slow" else reader.read())
        held[kind] -= 1
        writer.close()
        await asyncio.sleep(AGAIN_SECONDS)


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for place in range(len(SLOW_HEAD)):
        writer.write(SLOW_HEAD[place : place + 1])
        await writer.drain()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(), DRIP_SECONDS)
            return


async def main() -> None:
    os.nice(NICENESS)
    port, idle, slow = map(int, sys.argv[1:])
    coming = asyncio.Semaphore(COMING_AT_ONCE)
    kinds = ["idle"] * idle + ["slow"] * slow
    tasks = [asyncio.create_task(hold(port, kind, coming)) for kind in kinds]
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    while not ended.done():
        sys.stdout.write(f"{held['idle']} {held['slow']}\n")
        sys.stdout.flush()
        await asyncio.sleep(SAY_SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
