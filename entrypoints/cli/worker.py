"""`streamly worker`: what is done beside the API, by itself."""

import asyncio
from contextlib import nullcontext

import click

from entrypoints.cli.children import end_with_parent
from entrypoints.logs import log_as_json
from entrypoints.settings import Settings, read_settings
from entrypoints.wiring import Database, open_house, ready_database
from entrypoints.worker.worker import work


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
        port = settings.worker_metrics_port
        with house.metrics.answering(settings.host, port) if port else nullcontext():
            # Another process may have started the embedded server, and taken it along when it ended.
            await work(house, also=database.watch)
