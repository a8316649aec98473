"""`streamly webhooks`: what providers sent, asking about it again, and sweeping for what never came."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, get_args
from uuid import UUID

import click

from application.ports.inbox import Entry, Status
from application.ports.sweeps import Sweep
from entrypoints.cli.endings import FAILED
from entrypoints.cli.house import in_house
from entrypoints.cli.output import AS_JSON, print_json, print_rows
from entrypoints.wiring import House

LISTED_MAX = 1_000
SHOWN = ("id", "status", "type", "event_id", "customer_id", "attempts", "created_at", "due_at", "error")
DELIVERY_FIELDS = (
    *("id", "provider", "event_id", "type", "customer_id", "status", "attempts", "error", "livemode", "api_version"),
    *("created_at", "received_at", "settled_at", "due_at"),
)
SWEEP_FIELDS = (
    *("id", "kind", "cause", "status", "requested_at", "begun_at", "finished_at", "examined", "kept"),
    *("passed_over", "troubles", "repairs", "repaired", "error"),
)


@click.group()
def webhooks() -> None:
    """What providers sent, and what became of it."""


@webhooks.command("list")
@click.option("--status", type=click.Choice(get_args(Status)), help="Only those of this status.")
@click.option("--limit", type=click.IntRange(1, LISTED_MAX), default=20, show_default=True, help="The newest so many.")
@AS_JSON
def list_webhooks(*, status: Status | None, limit: int, as_json: bool) -> None:
    """Deliveries, the newest first."""

    async def read(house: House) -> Sequence[Entry]:
        return await house.inbox.listing(status=status, before=None, limit=limit)

    fields = DELIVERY_FIELDS if as_json else SHOWN
    print_rows(in_house(read, prepare=False), as_json=as_json, columns={name: _field(name) for name in fields})


@webhooks.command()
@click.argument("ids", metavar="ID...", type=click.UUID, nargs=-1, required=True)
@AS_JSON
def retry(*, ids: tuple[UUID, ...], as_json: bool) -> None:
    """Make deliveries due at once, with their tries to begin anew, whatever became of them; a worker asks again."""

    async def again(house: House) -> list[Entry]:
        return [await house.inbox.retry(id) for id in ids]

    entries = in_house(again, prepare=False)
    if as_json:
        print_json([_shown(entry, DELIVERY_FIELDS) for entry in entries])
    else:
        click.echo("\n".join(f"{UUID(int=entry.id)} is due: {entry.type} {entry.event_id}" for entry in entries))


@webhooks.command()
@AS_JSON
def sweep(*, as_json: bool) -> None:
    """Look for what never came, here and now: undelivered events, then all who paid; ends when that is done."""

    async def see_through(house: House) -> list[Sweep]:
        return await house.sweeping.see_through(await house.sweeping.request("command"))

    sweeps = in_house(see_through)
    if as_json:
        print_json([_shown(each, SWEEP_FIELDS) for each in sweeps])
    else:
        click.echo("\n".join(map(_told, sweeps)))
    if any(each.status != "done" for each in sweeps):
        raise SystemExit(FAILED)


@webhooks.command()
@click.option("--limit", type=click.IntRange(1, LISTED_MAX), default=20, show_default=True, help="The newest so many.")
@AS_JSON
def sweeps(*, limit: int, as_json: bool) -> None:
    """The sweeps there have been, and what they repaired, the newest first."""

    async def read(house: House) -> Sequence[Sweep]:
        return await house.sweeping.listing(before=None, limit=limit)

    known = in_house(read, prepare=False)
    print_json([_shown(each, SWEEP_FIELDS) for each in known]) if as_json else click.echo("\n".join(map(_told, known)))


def _field(name: str) -> Callable[[Any], object]:
    """As the API shows it."""
    return (lambda row: UUID(int=row.id)) if name == "id" else attrgetter(name)


def _shown(row: object, fields: Sequence[str]) -> dict[str, object]:
    shown = {name: _field(name)(row) for name in fields}
    if isinstance(row, Sweep):
        shown["repaired"] = [
            {"account_id": account_id, "positions": positions} for account_id, positions in row.repaired.items()
        ]
    return shown


def _told(sweep: Sweep) -> str:
    what = "events" if sweep.kind == "undelivered" else "customers"
    found = f"{sweep.kept:,} had not come" if sweep.kind == "undelivered" else f"{sweep.repairs:,} accounts repaired"
    passed_over = f", {sweep.passed_over:,} of no account here passed over" if sweep.passed_over else ""
    counted = f"{sweep.examined:,} {what}, {found}, {sweep.troubles:,} in trouble{passed_over}"
    lines = [f"{UUID(int=sweep.id)} {sweep.kind}: {sweep.status}, {counted}", f"  {_when(sweep)}, by {sweep.cause}"]
    lines += [f"  {account}: facts {', '.join(map(str, facts))}" for account, facts in sweep.repaired.items()]
    return "\n".join([*lines, *([f"  {sweep.error}"] if sweep.error else [])])


def _when(sweep: Sweep) -> str:
    moments = (("asked for", sweep.requested_at), ("begun", sweep.begun_at), ("finished", sweep.finished_at))
    return ", ".join(f"{what} {moment:%Y-%m-%d %H:%M:%S} UTC" for what, moment in moments if moment)
