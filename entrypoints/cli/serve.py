"""`streamly serve`: all of the service, as processes of its own."""

import logging
from pathlib import Path

import click

from entrypoints.cli.seed import seed_catalogue
from entrypoints.cli.service import Service, running_service
from entrypoints.logs import log_as_json
from entrypoints.settings import read_settings

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
