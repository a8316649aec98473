"""`streamly sandbox`: the simulated providers, to be tried and tested against."""

import asyncio
from urllib.parse import urlsplit

import click

from entrypoints.cli.children import end_with_parent
from entrypoints.http.server import new_server
from entrypoints.logs import log_as_json
from entrypoints.settings import read_settings
from entrypoints.wiring import ready_database
from entrypoints.wiring.sandbox import sandbox_app


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
