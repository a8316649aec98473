"""`streamly`: the commands, and how each of them ends: 0 done, 1 refused or failed, 2 called wrongly."""

import sys
from typing import Any

import click

from application.errors import NotFound, Unavailable
from application.ports.ledger import FactNotReadable
from domain.shared.fact import Refusal
from entrypoints.cli.accounts import accounts
from entrypoints.cli.audit import audit
from entrypoints.cli.database import doctor, migrate
from entrypoints.cli.demo import demo
from entrypoints.cli.processes import api, sandbox, serve, worker
from entrypoints.cli.projections import projections
from entrypoints.cli.service import ServiceFailed
from entrypoints.cli.videos import videos
from entrypoints.settings import SettingsInvalid
from entrypoints.wiring import REBUILD_REFUSALS, DatabaseFunctionsEnabled, DatabaseNotReady, EmbeddedPostgresUnavailable

FORESEEN = (
    *REBUILD_REFUSALS,
    DatabaseFunctionsEnabled,
    DatabaseNotReady,
    EmbeddedPostgresUnavailable,
    FactNotReadable,
    NotFound,
    OSError,  # a data folder that cannot be written, a file that is not there
    Refusal,
    ServiceFailed,
    SettingsInvalid,
    Unavailable,
    ValueError,
)


class Commands(click.Group):
    """Says in one line what was refused, without a traceback; what nobody foresaw keeps its own."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FORESEEN as trouble:
            words = str(trouble) or (type(trouble).__doc__ or type(trouble).__name__).splitlines()[0]
            click.echo(f"streamly: {words}", err=True)
            sys.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="streamly")
def main() -> None:
    """The ledger and back end of a paid video service: who may watch what, and which facts say so."""


for command in (demo, serve, worker, sandbox, api, migrate, doctor, accounts, videos, projections, audit):
    main.add_command(command)

if __name__ == "__main__":
    main()
