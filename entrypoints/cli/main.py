"""`streamly`: the commands, and how each of them ends."""

import sys
from importlib import import_module
from typing import Any

import click

from application.errors import NotFound, Unavailable
from application.ports.ledger import FactNotReadable
from domain.shared.fact import Refusal
from entrypoints.cli.endings import FAILED, INTERRUPTED
from entrypoints.cli.service import ServiceFailed
from entrypoints.settings import SettingsInvalid
from entrypoints.wiring import (
    REBUILD_REFUSALS,
    VAULT_REFUSALS,
    DatabaseFunctionsEnabled,
    DatabaseNotReady,
    EmbeddedPostgresUnavailable,
)

FORESEEN = (
    *REBUILD_REFUSALS,
    *VAULT_REFUSALS,
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

ENDINGS = """\b
A command ends with
  0    done; nothing is wrong
  1    what it looked at is not well: a difference (verify), a fact that
       cannot be read (history), something wrong (doctor, demo)
  2    called wrongly
  3    refused, or failed
  130  ended by Ctrl-C; serve and worker, which run until then, with 0
"""


PROCESSES = ("demo", "serve", "worker", "sandbox", "api")
TOOLS = ("migrate", "doctor", "accounts", "keys", "videos", "webhooks", "intents", "projections", "audit")
ELSEWHERE = {"migrate": "database", "doctor": "database"}
"""The modules beside this one of the commands that are not called as theirs."""


class Commands(click.Group):
    """Loads the command that is called, and no other: all of them together take as long as many a command runs.

    Says in one line what was refused, without a traceback; what nobody foresaw keeps its own.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*PROCESSES, *TOOLS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = getattr(
            import_module(f"entrypoints.cli.{ELSEWHERE.get(cmd_name, cmd_name)}"), cmd_name
        )
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.Abort, KeyboardInterrupt) as ended:
            # click says Abort of a question that was answered by Ctrl-C, and of one that nobody is there to answer.
            if not isinstance(ended.__context__, EOFError):
                sys.exit(INTERRUPTED)
            click.echo("streamly: there is nobody to answer", err=True)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except FORESEEN as trouble:
            words = str(trouble) or (type(trouble).__doc__ or type(trouble).__name__).splitlines()[0]
            click.echo(f"streamly: {words}", err=True)
        except Exception as trouble:  # noqa: BLE001 - Python's own ending would be 1, which says that something was found
            sys.excepthook(type(trouble), trouble, trouble.__traceback__)
        sys.exit(FAILED)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=ENDINGS)
@click.version_option(package_name="streamly")
def main() -> None:
    """The ledger and back end of a paid video service: who may watch what, and which facts say so."""


if __name__ == "__main__":
    main()
