"""`streamly audit`: one person's history in plain words, and why somebody could or could not watch at a moment."""

from datetime import datetime
from uuid import UUID

import click

from application.audit import Told
from domain.access.access import Access
from domain.shared.fact import Actor, Cause
from entrypoints.cli.history import history
from entrypoints.cli.house import in_house
from entrypoints.cli.moments import MOMENT, SUCH_AS
from entrypoints.cli.output import AS_JSON, print_json, print_rows
from entrypoints.wiring import House


@click.group()
def audit() -> None:
    """What the ledger says. Nothing is made or changed by it, and no read model is needed."""


audit.add_command(history)


@audit.command()
@click.argument("account_id", type=click.UUID)
@AS_JSON
def timeline(*, account_id: UUID, as_json: bool) -> None:
    """One person's facts in plain words, oldest first, each with its cause."""

    async def read(house: House) -> list[Told]:
        return await house.audit.timeline(account_id)

    columns = {
        "position": lambda told: told.position,
        "at": lambda told: told.at.isoformat(timespec="seconds"),
        "summary": lambda told: told.summary,
        "actor": lambda told: _named(told.actor),
        "cause": lambda told: _named(told.cause),
    }
    print_rows(in_house(read, prepare=False), as_json=as_json, columns=columns)


def _named(one: Actor | Cause | None) -> str:
    return f"{one.kind} {one.id}" if one else "unknown"


@audit.command()
@click.argument("account_id", type=click.UUID)
@click.option("--at", type=MOMENT, help=f"As of this time, now where it is left out{SUCH_AS}")
@click.option("--video", "video_id", type=click.UUID, help="Of one video; else of any plan.")
@click.option("--hindsight", is_flag=True, help="By all that is known now about then.")
@AS_JSON
def access(*, account_id: UUID, at: datetime | None, video_id: UUID | None, hindsight: bool, as_json: bool) -> None:
    """May this person watch at that moment, and which facts say so?"""

    async def ask(house: House) -> Access:
        return await house.audit.access_at(
            account_id, at=at or house.business_time.now(), video_id=video_id, hindsight=hindsight
        )

    answer = in_house(ask, prepare=False)
    if as_json:
        print_json(answer)
        return
    until = f" until {answer.until:%Y-%m-%d %H:%M} UTC" if answer.until else ""
    click.echo(f"{'yes' if answer.granted else 'no'}: {answer.reason}{until}. {answer.otherwise}")
    for fact in answer.deciding:
        click.echo(f"  fact {fact.position} of {fact.at:%Y-%m-%d %H:%M}: {fact.summary}")
