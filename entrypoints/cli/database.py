"""`streamly migrate`, `doctor` and `projections`: the operator's commands on the database."""

import asyncio
from functools import partial
from operator import attrgetter
from typing import Any

import click
import msgspec
from rich.progress import Progress, TaskID

from application.projections.every import PROJECTIONS
from entrypoints.cli.house import in_house
from entrypoints.cli.output import AS_JSON, print_json, print_rows
from entrypoints.settings import Settings, read_settings
from entrypoints.wiring import House, masked, migrate_given, open_house, ready_database

NAME = click.Choice(sorted(PROJECTIONS))
STATUS_COLUMNS = ("name", "generation", "version", "position", "lag", "state", "trouble")


@click.command()
@AS_JSON
def migrate(*, as_json: bool) -> None:
    """Bring the database up to date, as its owner (DATABASE_OWNER_URL)."""
    settings = read_settings()
    if settings.database_url:
        applied = migrate_given(settings)
    else:
        with ready_database(settings):
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
    """Look at the settings, the database and the read models, and say what is wrong; exit 1 if anything is."""
    settings = read_settings()
    with ready_database(settings) as database:
        checks = asyncio.run(_examine(settings, database.dsn))
        shown = database.dsn if secrets else masked(database.dsn)
    if as_json:
        print_json({"checks": checks, "well": all(check.well for check in checks), "database_url": shown})
    else:
        for check in checks:
            click.echo(f"{'ok   ' if check.well else 'WRONG'} {check.what}: {check.detail}")
        click.echo(f"database_url: {shown}")
    if not all(check.well for check in checks):
        raise SystemExit(1)


async def _examine(settings: Settings, dsn: str) -> list[Checked]:
    checks = [Checked("settings", f"ENV={settings.env}, {settings.address}")]
    async with open_house(settings, dsn) as house:
        readiness = await house.health.readiness()
        checks.append(Checked("database", "answers" if readiness.database else "does not answer", readiness.database))
        head = await house.records.ledger.head()
        checks.append(Checked("ledger", f"{head} facts"))
        checks += [
            Checked(f"read model {status.name}", status.trouble or f"{status.lag} facts behind", status.trouble is None)
            for status in await asyncio.to_thread(house.read_models.statuses)
        ]
        checks += [Checked(f"queue of {name}", f"{count} waiting") for name, count in readiness.queues.items()]
    return checks


@click.group()
def projections() -> None:
    """The read models: how far they are, and building them anew from the ledger."""


@projections.command("list")
@AS_JSON
def list_projections(*, as_json: bool) -> None:
    """Every read model, its position and how many facts it is behind."""

    async def read(house: House) -> list[Any]:
        return await asyncio.to_thread(house.read_models.statuses)

    columns = {name: attrgetter(name) for name in STATUS_COLUMNS}
    print_rows(in_house(read), as_json=as_json, columns=columns)


@projections.command()
@click.argument("names", type=NAME, nargs=-1)
@AS_JSON
def rebuild(*, names: tuple[str, ...], as_json: bool) -> None:
    """Build read models anew from the whole ledger, beside the live ones, and swap."""
    _build(names, as_json=as_json, keep=True)


@projections.command()
@click.argument("names", type=NAME, nargs=-1)
@AS_JSON
def verify(*, names: tuple[str, ...], as_json: bool) -> None:
    """Build read models anew and compare them with the live ones, row by row; exit 1 on a difference."""
    _build(names, as_json=as_json, keep=False)


def _build(names: tuple[str, ...], *, as_json: bool, keep: bool) -> None:
    async def build(house: House) -> list[Any]:
        with Progress(disable=as_json) as progress:
            built = []
            for name in names or sorted(PROJECTIONS):
                task = progress.add_task(name, total=None)

                show = partial(_show, progress, task)
                built.append(await asyncio.to_thread(house.read_models.rebuild, name, on_progress=show, keep=keep))
            return built

    built = in_house(build)
    if as_json:
        print_json(built)
    else:
        for each in built:
            click.echo(f"{each.name}: {each.facts} facts in {each.seconds:.2f} s, {_verdict(each.differences)}")
            for difference in each.differences:
                click.echo(f"  only in the {difference.only_in} {difference.table}: {difference.row}")
    if any(each.differences for each in built) and not keep:
        raise SystemExit(1)


def _show(progress: Progress, task: TaskID, position: int, head: int) -> None:
    progress.update(task, completed=position, total=head)


def _verdict(differences: tuple[Any, ...]) -> str:
    return f"{len(differences)} differences" if differences else "identical with what was live"
