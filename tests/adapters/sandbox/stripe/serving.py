"""A sandbox in a process of its own, for the test that kills it: takes the store's path, prints its address."""

import asyncio
import socket
import sys
from pathlib import Path

import uvicorn

from adapters.sandbox.server import create_sandbox_app
from adapters.sandbox.stripe.simulator import stripe_simulator
from tests.adapters.sandbox.stripe.harness import SECRET, Clock


async def serve(store: Path) -> None:
    with socket.socket(proto=socket.IPPROTO_TCP) as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        simulator = stripe_simulator(
            store_path=store, public_url=url, webhook_url=None, webhook_secret=SECRET, clock=Clock()
        )
        server = uvicorn.Server(uvicorn.Config(create_sandbox_app([simulator]), log_level="warning", ws="none"))
        serving = asyncio.create_task(server.serve([free]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        print(url, flush=True)  # noqa: T201 - this is how the test learns it
        await serving


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
