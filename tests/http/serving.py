"""A real server on a free port, for what only a real connection can show."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio

from entrypoints.http.server import Server, new_server


@asynccontextmanager
async def served_until_told(
    app: object, *, port: int = 0, trusted_proxies: Sequence[str] = (), **limits: Any
) -> AsyncIterator[tuple[int, Server]]:
    """The port of an application that is served within these limits, and what serves it, until this ends."""
    # As the service listens: without the protocol's name asyncio leaves Nagle's delay on, 40 ms to every answer.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen()
        port = listening.getsockname()[1]
        server = new_server(app, host="127.0.0.1", port=port, trusted_proxies=trusted_proxies, **limits)
        server.config.load()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server._serve, [listening])  # Without the signal handlers, which are pytest's.
            with anyio.fail_after(10):
                while not server.started:
                    await anyio.sleep(0.01)
            yield port, server
            server.should_exit = True


@asynccontextmanager
async def served(app: object, **given: Any) -> AsyncIterator[int]:
    """The port of an application that is served, within these limits, for as long as this is open."""
    async with served_until_told(app, **given) as (port, _):
        yield port
