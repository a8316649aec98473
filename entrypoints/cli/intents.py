"""`streamly intents`: what was asked of the payment provider and has no outcome yet, and trying it again."""

from collections.abc import Sequence
from operator import attrgetter

import click

from application.ports.intents import UnsettledIntent
from entrypoints.cli.house import in_house
from entrypoints.cli.output import AS_JSON, print_json, print_rows
from entrypoints.wiring import House

LISTED_MAX = 1_000
FIELDS = ("key", "stream", "failed", "attempts", "due_at", "error")


@click.group()
def intents() -> None:
    """What was asked of the payment provider and has no outcome yet: checkouts, cancellations, changes, refunds."""


@intents.command("list")
@click.option("--failed", is_flag=True, help="Only those whose tries are used up: nobody sees to them any more.")
@click.option("--limit", type=click.IntRange(1, LISTED_MAX), default=20, show_default=True, help="So many at most.")
@AS_JSON
def list_intents(*, failed: bool, limit: int, as_json: bool) -> None:
    """Those that wait for their outcome, the longest due first; the key and the stream name the fact behind each."""

    async def read(house: House) -> Sequence[UnsettledIntent]:
        return await house.intentions.listing(failed=failed, limit=limit)

    print_rows(in_house(read, prepare=False), as_json=as_json, columns={name: attrgetter(name) for name in FIELDS})


@intents.command()
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@AS_JSON
def retry(*, keys: tuple[str, ...], as_json: bool) -> None:
    """Have a worker see to them at once, with their tries to begin anew.

    It looks first at what has come of each; what was carried out already is not done twice.
    """

    async def again(house: House) -> list[UnsettledIntent]:
        return [await house.intentions.retry(key) for key in keys]

    due = in_house(again, prepare=False)
    if as_json:
        print_json([{name: getattr(intent, name) for name in FIELDS} for intent in due])
    else:
        click.echo("\n".join(f"{intent.key} is due" for intent in due))
