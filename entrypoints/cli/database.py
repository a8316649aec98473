"""`streamly migrate` and `doctor`: the operator's commands on the database."""

import asyncio

import click
import msgspec

from application.ports.platform_tasks import TasksOfPlatform
from entrypoints.cli.endings import NOT_WELL
from entrypoints.cli.house import database_of_command
from entrypoints.cli.output import AS_JSON, print_json
from entrypoints.settings import Settings, read_settings
from entrypoints.wiring import House, masked, migrate_given, open_house


@click.command()
@AS_JSON
def migrate(*, as_json: bool) -> None:
    """Bring the database up to date, as its owner (DATABASE_OWNER_URL)."""
    settings = read_settings()
    if settings.database_url:
        applied = migrate_given(settings)
    else:
        with database_of_command(settings):
            applied = []
    if as_json:
        print_json({"applied": applied})
    else:
        click.echo("\n".join(f"applied {name}" for name in applied) or "nothing to do: it is up to date")


class Checked(msgspec.Struct, frozen=True):
    """One thing that the doctor looked at, and what is wrong with it, if anything."""

    what: str
    detail: str
    well: bool = True


@click.command()
@click.option("--secrets", is_flag=True, help="Show passwords in addresses.")
@AS_JSON
def doctor(*, secrets: bool, as_json: bool) -> None:
    """Look at settings, database, read models, policies and queues, and say what is wrong; exit 1 if anything is."""
    settings = read_settings()
    with database_of_command(settings) as database:
        checks = asyncio.run(_examine(settings, database.dsn))
        shown = database.dsn if secrets else masked(database.dsn)
    if as_json:
        print_json({"checks": checks, "well": all(check.well for check in checks), "database_url": shown})
    else:
        for check in checks:
            click.echo(f"{'ok   ' if check.well else 'WRONG'} {check.what}: {check.detail}")
        click.echo(f"database_url: {shown}")
    if not all(check.well for check in checks):
        raise SystemExit(NOT_WELL)


async def _examine(settings: Settings, dsn: str) -> list[Checked]:
    checks = [Checked("settings", f"ENV={settings.env}, {settings.address}")]
    async with open_house(settings, dsn) as house:
        readiness = await house.health.readiness()
        checks.append(Checked("database", "answers" if readiness.database else "does not answer", readiness.database))
        checks.append(Checked("ledger", f"{readiness.head} facts"))
        checks += [
            Checked(
                f"read model {status.name}",
                status.trouble or f"{status.lag} facts behind",
                status.trouble is None and status.name not in readiness.lagging,
            )
            for status in readiness.read_models
        ]
        checks += [
            Checked(
                f"policy {status.name}",
                status.trouble or f"{status.lag} facts behind",
                status.trouble is None and status.name not in readiness.lagging,
            )
            for status in readiness.policies
        ]
        checks += [Checked(f"queue of {name}", f"{count} waiting") for name, count in readiness.queues.items()]
        checks += [
            Checked(f"wait in {queue}", f"{seconds:.0f} s", queue not in readiness.overdue)
            for queue, seconds in readiness.waits.items()
        ]
        checks += [_platform(found) for found in readiness.platforms]
        checks += [_master_key(house, kid, count) for kid, count in (await house.vault.wrapped_by()).items()]
        checks.append(Checked("erasures", f"{await house.erasing.erasures.waiting()} waiting"))
        failed = readiness.failed_intents
        see = "; `streamly intents list --failed` shows them" if failed else ""
        checks.append(Checked("intents", f"{failed} have failed for good{see}", well=not failed))
        checks.append(_transcodes(readiness.failed_transcodes))
    return checks


def _transcodes(failed: int) -> Checked:
    see = "; the worker's log says why, and they are to be uploaded again, or deleted" if failed else ""
    return Checked("transcodes", f"{failed} have failed for good{see}", well=not failed)


def _platform(found: TasksOfPlatform) -> Checked:
    said = f"{found.waiting} things to do, {found.failing} tried in vain"
    return Checked(f"platform {found.platform}", f"{said}: {found.error}" if found.error else said, not found.failing)


def _master_key(house: House, kid: str, count: int) -> Checked:
    """What may be done with it; the oldest stays, since the blind index is derived from it."""
    keys = house.vault.master_keys
    if kid not in keys.kids:
        return Checked(f"master key {kid}", f"wraps {count} keys, and is not given", well=False)
    if kid in {keys.current_kid, keys.oldest_kid}:
        return Checked(f"master key {kid}", f"wraps {count} keys, and stays")
    left = "may be taken away" if not count else "`streamly keys rewrap` wraps them anew"
    return Checked(f"master key {kid}", f"wraps {count} keys: {left}")
