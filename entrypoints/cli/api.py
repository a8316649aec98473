"""The API process that `streamly serve` starts."""

import contextlib
import gc
import socket

import click

from entrypoints.cli.children import end_with_parent
from entrypoints.http.app import create_app
from entrypoints.http.server import LEAVE_SECONDS, new_server, run
from entrypoints.logs import log_as_json
from entrypoints.settings import Settings, listed, read_settings
from entrypoints.wiring import open_house

COLLECTED_AFTER = 20_000
"""New objects that may be part of a circle, until these are looked for: Python's own 700 are those of ten requests."""


@click.command(hidden=True)
@click.option("--fd", type=int, required=True, help="The listening socket.")
def api(fd: int) -> None:
    """One API process of `serve`, on a socket that is open already."""
    end_with_parent()
    log_as_json()
    settings = read_settings()
    with socket.socket(proto=socket.IPPROTO_TCP, fileno=fd) as listening, contextlib.suppress(KeyboardInterrupt):
        run(_serve(settings, listening))


async def _serve(settings: Settings, listening: socket.socket) -> None:
    async with open_house(settings) as house:
        app = create_app(house, cors_origins=listed(settings.cors_origins))
        trusted = listed(settings.trusted_proxies)
        server = new_server(
            app,
            host=settings.host,
            port=settings.port,
            trusted_proxies=trusted,
            country_header=settings.country_header,
            connections_max=settings.connections_max,
            leave_seconds=LEAVE_SECONDS,
            requests=house.metrics.requests,
        )
        # What was made at the start stays: the collector need not look at it again (p99 from 19 to 4 ms).
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECTED_AFTER)
        await server.serve(sockets=[listening])
