"""The commands that stay: serve, worker, sandbox, and the API process that serve starts."""

import asyncio
import contextlib
import gc
import logging
import socket
from pathlib import Path
from urllib.parse import urlsplit

import click

from entrypoints.cli.children import end_with_parent
from entrypoints.cli.seed import seed_catalogue
from entrypoints.cli.service import Service, running_service
from entrypoints.http.app import create_app
from entrypoints.http.server import LEAVE_SECONDS, new_server, run
from entrypoints.logs import log_as_json
from entrypoints.settings import Settings, listed, read_settings
from entrypoints.wiring import Database, open_house, ready_database, sandbox_app
from entrypoints.worker.worker import work

LOG = "streamly.log"

log = logging.getLogger(__name__)


@click.command()
@click.option("--workers", "api_workers", type=click.IntRange(1, 64), default=1, help="How many API processes.")
@click.option("--no-worker", is_flag=True, help="Without the worker: run `streamly worker` elsewhere.")
@click.option("--seed", is_flag=True, help="Put a plan and some videos into an empty catalogue (development).")
def serve(*, api_workers: int, no_worker: bool, seed: bool) -> None:
    """Run the service; in development with the worker and the simulated providers beside it."""
    settings = read_settings()
    log_as_json()
    worker_here = not no_worker and not settings.in_production
    # Whoever develops wants to read the addresses below; an operator's logs go where the process writes.
    log_to = None if settings.in_production else settings.data_dir / LOG
    with running_service(settings, api_workers=api_workers, worker=worker_here, log_to=log_to) as service:
        seeded = seed_catalogue(settings, service.database.dsn) if seed else None
        if settings.in_production:
            log.info("Streamly is ready", extra={"address": settings.address, "api_processes": api_workers})
        else:
            _say_where(service, seeded, log_to)
        service.watch_until_stopped()


def _say_where(service: Service, seeded: str | None, log_to: Path | None) -> None:
    address = service.settings.address
    lines = [f"Streamly is ready: {address}", f"  the API, to be read and tried   {address}/docs"]
    lines.append(f"  is it well?                     {address}/health/ready")
    if service.settings.simulates_stripe:
        lines.append(f"  the simulated providers         {service.settings.sandbox_address}/health")
    if seeded:
        lines.append(seeded)
    if log_to:
        lines.append(f"  what it says                    {log_to}")
    lines.append("Ctrl-C ends it.")
    click.echo("\n".join(lines))


@click.command()
def worker() -> None:
    """Run a worker: read models, webhooks, policies and transcoding. Any number may run."""
    end_with_parent()
    log_as_json()
    settings = read_settings()
    with ready_database(settings) as database:
        asyncio.run(_work(settings, database))


async def _work(settings: Settings, database: Database) -> None:
    async with open_house(settings, database.dsn) as house:
        # Another process may have started the embedded server, and taken it along when it ended.
        await work(house, also=database.watch)


def _webhook_url(_: click.Context, __: click.Parameter, given: str | None) -> str | None:
    if given is None:
        return None
    try:
        parts = urlsplit(given)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise click.BadParameter("give an http or https address with a host, as http://127.0.0.1:5000/webhook")
    return given


@click.command()
@click.option(
    "--webhook-url", callback=_webhook_url, default=None, help="Where its events go, instead of to this installation."
)
def sandbox(webhook_url: str | None) -> None:
    """Run the simulated providers on SANDBOX_PORT (development only)."""
    end_with_parent()
    log_as_json()
    settings = read_settings()
    if settings.in_production:
        raise click.UsageError("there is no sandbox in production")
    with ready_database(settings) as database, sandbox_app(settings, database.dsn, webhook_url) as app:
        server = new_server(app, host="127.0.0.1", port=settings.sandbox_port)
        asyncio.run(server.serve())


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
            connections_max=settings.connections_max,
            leave_seconds=LEAVE_SECONDS,
        )
        # What was made at the start stays: the collector need not look at it again (p99 from 19 to 4 ms).
        gc.collect()
        gc.freeze()
        await server.serve(sockets=[listening])
