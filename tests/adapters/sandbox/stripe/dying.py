"""A sandbox in a process of its own that dies in the middle of a purchase; takes its store, prints its address."""

import asyncio
import os
import signal
import socket
import sqlite3
import sys
from pathlib import Path

import uvicorn

from adapters.sandbox.server import create_sandbox_app
from adapters.sandbox.stripe.books.database import Database
from adapters.sandbox.stripe.simulator import stripe_simulator
from tests.adapters.sandbox.stripe.harness import SECRET, Clock

LAST_WRITE = "invoice_payment"


survive = Database.execute


def execute(database: Database, statement: str, *parameters: object) -> sqlite3.Cursor:
    done = survive(database, statement, *parameters)
    if statement.startswith("INSERT INTO objects") and parameters[0] == LAST_WRITE:
        os.kill(os.getpid(), signal.SIGKILL)
    return done


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
    Database.execute = execute  # type: ignore[assignment, method-assign]
    asyncio.run(serve(Path(sys.argv[1])))
